// Every call against every permission and against callers that are bound to projects.

#include "absl/strings/str_replace.h"
#include "tests/integration/every_call.h"

namespace claviger {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kNoKey[] = "00nosuchkey00000";

const auto kDenied = [] { return IsError(StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"); };

class PermissionsTest : public ServerTest {
 protected:
  void SetUp() override {
    MakeProject("aaa");
    MakeProject("bbb");
    MakeProject("empty-one");
    in_a_ = Issue("aaa", {"x"});
    in_b_ = Issue("bbb", {"x"});
  }

  std::vector<AnyCall> EveryCallInA() const {
    return EveryCallAbout(in_a_.info().key_id(), "aaa", in_a_.key());
  }

  IssuedKey in_a_;
  IssuedKey in_b_;
};

TEST_F(PermissionsTest, WithItsPermissionAloneACallGoesThrough) {
  for (const AnyCall& call : EveryCallInA()) {
    grpc::Status status = Manager({call.permission}).Send(*call.request);
    // A project with keys cannot be deleted by anyone.
    if (call.name() == "DeleteProjectRequest") {
      EXPECT_THAT(status, IsError(StatusCode::FAILED_PRECONDITION, "PROJECT_NOT_EMPTY"));
    } else {
      EXPECT_THAT(status, IsOk()) << call.name();
    }
  }
}

TEST_F(PermissionsTest, WithAllPermissionsButItsOwnACallIsDenied) {
  for (const AnyCall& call : EveryCallInA()) {
    Strings others = Permissions();
    std::erase(others, call.permission);
    const grpc::Status status = Manager(others).Send(*call.request);
    EXPECT_THAT(status, kDenied()) << call.name();
    EXPECT_THAT(status.error_message(), HasSubstr(call.permission));
  }
}

TEST_F(PermissionsTest, PermissionIsCheckedBeforeExistenceAndBeforeFields) {
  const TestCaller nobody = Manager({});
  for (const AnyCall& call : EveryCallAbout(kNoKey, "nowhere", "garbage")) {
    EXPECT_THAT(nobody.Send(*call.request), kDenied()) << call.name();
    const std::unique_ptr<google::protobuf::Message> empty(call.request->New());
    EXPECT_THAT(nobody.Send(*empty), kDenied()) << call.name();
  }
}

TEST_F(PermissionsTest, SettingsManageImpliesEveryPermission) {
  const TestCaller manager = Manager({"settings.manage"});
  for (const AnyCall& call : EveryCallInA()) {
    EXPECT_THAT(manager.Send(*call.request), Not(kDenied())) << call.name();
  }
}

TEST_F(PermissionsTest, AKeyOfAnotherProjectMayDoNothing) {
  // Its scopes are named as the permissions are, and cover all.
  const TestCaller tenant = server_.As(Issue("aaa", {"*", "keys.read", "settings.manage"}).key());
  for (const AnyCall& call : EveryCallInA()) {
    EXPECT_THAT(tenant.Send(*call.request), kDenied()) << call.name();
  }
}

TEST_F(PermissionsTest, AKeyMayRevokeItselfAndThenIsNobody) {
  const TestCaller tenant = server_.As(in_a_.key());
  v1::RevokeKeyRequest other;
  other.set_key_id(in_b_.info().key_id());
  EXPECT_THAT(tenant.Call(other), kDenied());
  v1::RevokeKeyRequest self;
  self.set_key_id(in_a_.info().key_id());
  const auto revoked = tenant.Call(self);
  ASSERT_THAT(revoked, IsOk());
  EXPECT_EQ(revoked->info().state(), v1::KEY_STATE_REVOKED);
  EXPECT_THAT(tenant.Call(self), IsError(StatusCode::UNAUTHENTICATED, "CREDENTIAL_INVALID"));
  EXPECT_EQ(CodeOf(in_b_.key()), v1::VERIFY_CODE_VALID);
}

TEST_F(PermissionsTest, AManagementKeyBoundElsewhereMayStillRevokeItself) {
  const IssuedKey bound = IssueManagementKey({"keys.read"}, {"aaa"});
  v1::RevokeKeyRequest self;
  self.set_key_id(bound.info().key_id());
  EXPECT_THAT(server_.As(bound.key()).Call(self), IsOk());
}

// The answer about what is out of sight, with its name replaced, is the answer about nothing.
TEST_F(PermissionsTest, AForeignThingAnswersByteForByteAsOneThatDoesNotExist) {
  const TestCaller bound = Manager({"settings.manage"}, {"aaa"});
  const std::string foreign_id = in_b_.info().key_id();
  const std::vector<AnyCall> foreign = EveryCallAbout(foreign_id, "bbb", in_b_.key());
  const std::vector<AnyCall> nothing = EveryCallAbout(kNoKey, "zzz", "garbage");
  for (size_t i = 0; i < foreign.size(); ++i) {
    if (!foreign[i].about_one_thing) continue;
    const grpc::Status answer = bound.Send(*foreign[i].request);
    EXPECT_EQ(answer.error_code(), StatusCode::NOT_FOUND) << foreign[i].name();
    EXPECT_EQ(absl::StrReplaceAll(BytesOf(answer), {{foreign_id, kNoKey}, {"bbb", "zzz"}}),
              BytesOf(bound.Send(*nothing[i].request)))
        << foreign[i].name();
  }
}

TEST_F(PermissionsTest, TheReservedProjectIsForeignToABoundCallerToo) {
  const TestCaller bound = Manager({"settings.manage"}, {"aaa"});
  const std::vector<AnyCall> reserved = EveryCallAbout(kNoKey, "claviger", "x");
  const std::vector<AnyCall> nothing = EveryCallAbout(kNoKey, "notthere", "x");
  for (size_t i = 0; i < reserved.size(); ++i) {
    if (!reserved[i].about_one_thing) continue;
    // Both sides: the domain of every error is called `claviger` too.
    const auto replaced = [](const grpc::Status& status) {
      return absl::StrReplaceAll(BytesOf(status), {{"claviger", "notthere"}});
    };
    EXPECT_EQ(replaced(bound.Send(*reserved[i].request)), replaced(bound.Send(*nothing[i].request)))
        << reserved[i].name();
  }
}

TEST_F(PermissionsTest, AForeignKeyVerifiesAsGarbageDoes) {
  const TestCaller bound = Manager({"keys.verify"}, {"aaa"});
  EXPECT_EQ(bound.Call(CheckOf(in_a_.key()))->code(), v1::VERIFY_CODE_VALID);
  const auto foreign = bound.Call(CheckOf(in_b_.key()));
  ASSERT_THAT(foreign, IsOk());
  EXPECT_EQ(foreign->code(), v1::VERIFY_CODE_NOT_FOUND);
  EXPECT_EQ(foreign->SerializeAsString(), bound.Call(CheckOf("garbage"))->SerializeAsString());
}

TEST_F(PermissionsTest, ListsShowABoundCallerItsOwnOnly) {
  const TestCaller bound = Manager({"keys.read", "projects.read"}, {"aaa"});
  v1::ListKeysRequest keys;
  keys.set_include_total_size(true);
  const auto all = bound.Call(keys);
  ASSERT_THAT(all, IsOk());
  ASSERT_EQ(all->keys_size(), 1);
  EXPECT_EQ(all->keys(0).key_id(), in_a_.info().key_id());
  EXPECT_EQ(all->total_size(), 1);

  keys.add_project_ids("bbb");
  const auto foreign = bound.Call(keys);
  keys.set_project_ids(0, "zzz");
  const auto nothing = bound.Call(keys);
  ASSERT_THAT(foreign, IsOk());
  EXPECT_EQ(foreign->SerializeAsString(), nothing->SerializeAsString());
  EXPECT_THAT(foreign->keys(), IsEmpty());

  const auto projects = bound.Call(v1::ListProjectsRequest());
  ASSERT_THAT(projects, IsOk());
  ASSERT_EQ(projects->projects_size(), 1);
  EXPECT_EQ(projects->projects(0).project_id(), "aaa");
}

TEST_F(PermissionsTest, ABoundCallerNeitherMakesNorDeletesProjects) {
  const TestCaller bound = Manager({"projects.manage"}, {"aaa", "empty-one"});
  v1::CreateProjectRequest create;
  create.mutable_project()->set_project_id("mine");
  EXPECT_THAT(bound.Call(create), kDenied());
  v1::DeleteProjectRequest remove;
  remove.set_project_id("empty-one");
  EXPECT_THAT(bound.Call(remove), kDenied());
  v1::UpdateProjectRequest update;
  update.mutable_project()->set_project_id("aaa");
  update.mutable_project()->set_display_name("mine");
  update.mutable_update_mask()->add_paths("display_name");
  EXPECT_THAT(bound.Call(update), IsOk());
}

TEST_F(PermissionsTest, ABindingIsShownSortedWithTheKey) {
  EXPECT_THAT(IssueManagementKey({"keys.read"}, {"bbb", "aaa", "bbb"}).info().bound_project_ids(),
              ElementsAre("aaa", "bbb"));
}

}  // namespace
}  // namespace claviger
