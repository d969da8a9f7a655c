// Projects that are deleted with their keys.

#include "tests/integration/server_test.h"
#include "tests/support/test_verifier.h"

namespace claviger {
namespace {

constexpr absl::Duration kRetention = absl::Hours(30 * 24);

const auto kNoProject = [] { return IsError(StatusCode::NOT_FOUND, "PROJECT_NOT_FOUND"); };

class DeleteProjectsTest : public ServerTest {
 protected:
  void SetUp() override {
    project_ = MakeProject("shop");
    key_ = Issue("shop", {"a"});
    other_ = Issue("default", {"a"});
  }

  static v1::DeleteProjectRequest WithKeys() {
    v1::DeleteProjectRequest request;
    request.set_project_id("shop");
    request.set_revoke_keys(true);
    return request;
  }
  v1::DeleteProjectResponse Delete() {
    const auto deleted = root().Call(WithKeys());
    EXPECT_THAT(deleted, IsOk());
    return *deleted;
  }
  v1::ListKeysResponse List(v1::KeyState state) {
    v1::ListKeysRequest request;
    request.add_project_ids("shop");
    request.add_states(state);
    const auto list = root().Call(request);
    EXPECT_THAT(list, IsOk());
    return *list;
  }
  // Lets the sweep run until the keys of the project are deleted one by one.
  void AwaitSweep(int keys) {
    while (List(v1::KEY_STATE_DELETED).keys_size() < keys) server_.Reload();
  }
  Outcome<v1::CreateProjectResponse> CreateAgain() {
    v1::CreateProjectRequest request;
    request.mutable_project()->set_project_id("shop");
    return root().Call(request);
  }

  v1::Project project_;
  IssuedKey key_;
  IssuedKey other_;
};

TEST_F(DeleteProjectsTest, NoKeyOfItVerifiesOnceTheCallReturns) {
  std::vector<IssuedKey> keys;
  for (int i = 0; i < 200; ++i) keys.push_back(Issue("shop"));
  EXPECT_EQ(CodeOf(key_.key()), v1::VERIFY_CODE_VALID);
  EXPECT_EQ(Delete().propagation().outcome(), v1::PROPAGATION_OUTCOME_ALL_ACKED);
  // However far the sweep is.
  EXPECT_EQ(CodeOf(key_.key()), v1::VERIFY_CODE_REVOKED);
  for (const IssuedKey& key : keys) ASSERT_EQ(CodeOf(key.key()), v1::VERIFY_CODE_REVOKED);
  EXPECT_EQ(CodeOf(other_.key()), v1::VERIFY_CODE_VALID);
  EXPECT_EQ(List(v1::KEY_STATE_ACTIVE).keys_size(), 0);
  const v1::KeyState state = Get(key_.info().key_id()).state();
  EXPECT_TRUE(state == v1::KEY_STATE_REVOKED || state == v1::KEY_STATE_DELETED) << state;
}

TEST_F(DeleteProjectsTest, ItsKeysAreNoCallersAnyMore) {
  const TestCaller own = server_.As(key_.key());
  const TestCaller bound = Manager({"keys.read"}, {"shop"});
  const TestCaller bound_elsewhere_too = Manager({"keys.read"}, {"shop", "default"});
  v1::ListKeysRequest list;
  EXPECT_THAT(bound.Call(list), IsOk());
  Delete();
  const auto kInvalid = [] { return IsError(StatusCode::UNAUTHENTICATED, "CREDENTIAL_INVALID"); };
  EXPECT_THAT(bound.Call(list), kInvalid());
  v1::RevokeKeyRequest self;
  self.set_key_id(key_.info().key_id());
  EXPECT_THAT(own.Call(self), kInvalid());
  EXPECT_THAT(bound_elsewhere_too.Call(list), IsOk());
}

TEST_F(DeleteProjectsTest, NothingComesIntoItAnyMore) {
  Delete();
  EXPECT_THAT(root().Call(NewKey("shop")), kNoProject());
  v1::IssueKeyRequest trial = NewKey("shop");
  trial.set_validate_only(true);
  EXPECT_THAT(root().Call(trial), kNoProject());
  v1::IssueKeyRequest manager = NewKey("claviger", {"keys.read"});
  manager.add_bound_project_ids("shop");
  EXPECT_THAT(root().Call(manager),
              IsError(StatusCode::INVALID_ARGUMENT, "FIELD_INVALID", "bound_project_ids"));
  const auto about_key = [&](auto request) {
    request.set_key_id(key_.info().key_id());
    return root().Call(request);
  };
  EXPECT_THAT(about_key(v1::EnableKeyRequest()), kNoProject());
  EXPECT_THAT(about_key(v1::UndeleteKeyRequest()), kNoProject());
  v1::UpdateScopesRequest scopes;
  scopes.add_add("b");
  EXPECT_THAT(about_key(scopes), kNoProject());
  // What takes away goes on.
  EXPECT_THAT(about_key(v1::RevokeKeyRequest()), IsOk());
  EXPECT_THAT(about_key(v1::DeleteKeyRequest()), IsOk());
}

TEST_F(DeleteProjectsTest, ItIsHidden) {
  Delete();
  v1::GetProjectRequest get;
  get.set_project_id("shop");
  EXPECT_THAT(root().Call(get), kNoProject());
  v1::UpdateProjectRequest update;
  update.mutable_project()->set_project_id("shop");
  update.mutable_update_mask()->add_paths("display_name");
  EXPECT_THAT(root().Call(update), kNoProject());
  const auto list = root().Call(v1::ListProjectsRequest());
  ASSERT_THAT(list, IsOk());
  for (const v1::Project& project : list->projects()) EXPECT_NE(project.project_id(), "shop");
  EXPECT_THAT(CreateAgain(), IsError(StatusCode::ALREADY_EXISTS, "PROJECT_EXISTS"));
  EXPECT_THAT(CreateAgain().status.error_message(), testing::HasSubstr("is being deleted"));
}

TEST_F(DeleteProjectsTest, TrialsAndStaleRevisionsChangeNothing) {
  v1::DeleteProjectRequest request = WithKeys();
  request.set_validate_only(true);
  const auto before = Written();
  const auto trial = root().Call(request);
  ASSERT_THAT(trial, IsOk());
  EXPECT_FALSE(trial->has_propagation());
  request.set_validate_only(false);
  request.set_if_revision(project_.revision() + 1);
  EXPECT_THAT(root().Call(request), IsError(StatusCode::ABORTED, "STALE_REVISION"));
  request.set_if_revision(0);
  request.set_revoke_keys(false);
  EXPECT_THAT(root().Call(request), IsError(StatusCode::FAILED_PRECONDITION, "PROJECT_NOT_EMPTY"));
  for (const std::string id : {"default", "claviger"}) {
    v1::DeleteProjectRequest reserved = WithKeys();
    reserved.set_project_id(id);
    EXPECT_THAT(root().Call(reserved),
                IsError(StatusCode::FAILED_PRECONDITION, "PROJECT_RESERVED"));
  }
  EXPECT_THAT(Manager({"projects.manage"}, {"shop"}).Call(WithKeys()),
              IsError(StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"));
  EXPECT_EQ(CodeOf(key_.key()), v1::VERIFY_CODE_VALID);
  EXPECT_EQ(Written().first, before.first + 1) << "only the last caller's key was issued";
}

TEST_F(DeleteProjectsTest, AskingAgainIsOkAndIsWaitedForAgain) {
  const v1::DeleteProjectResponse first = Delete();
  const v1::DeleteProjectResponse second = Delete();
  EXPECT_EQ(second.propagation().revision(), first.propagation().revision());
  v1::DeleteProjectRequest without = WithKeys();
  without.set_revoke_keys(false);
  EXPECT_THAT(root().Call(without), kNoProject());
}

TEST_F(DeleteProjectsTest, OneMessageTellsVerifiersOfTheWholeProject) {
  for (int i = 0; i < 20; ++i) Issue("shop");
  TestVerifier verifier(server_.NewChannel(grpc::InsecureChannelCredentials()), server_.root_key());
  const auto welcome = verifier.SayHello();
  ASSERT_TRUE(welcome.has_value());
  ASSERT_TRUE(verifier.GetLease(welcome->head_revision()));
  v1::DeleteProjectRequest request = WithKeys();
  request.set_propagation(v1::PROPAGATION_MODE_COMMIT);
  const auto pending = root().Call(request);
  ASSERT_THAT(pending, IsOk());
  EXPECT_EQ(pending->propagation().outcome(), v1::PROPAGATION_OUTCOME_PENDING);
  const auto told = verifier.Read();
  ASSERT_TRUE(told.has_value() && told->has_invalidation());
  ASSERT_EQ(told->invalidation().items_size(), 1);
  EXPECT_EQ(told->invalidation().items(0).project_id(), "shop");
  ASSERT_TRUE(verifier.Beat(told->invalidation().to_revision()));
  const auto confirmed = root().Call(WithKeys());
  ASSERT_THAT(confirmed, IsOk());
  EXPECT_EQ(confirmed->propagation().outcome(), v1::PROPAGATION_OUTCOME_ALL_ACKED);
  EXPECT_EQ(confirmed->propagation().acked_sessions(), 1);
}

TEST_F(DeleteProjectsTest, ARestartLeavesItsKeysDeadAndTheSweepGoesOn) {
  for (int i = 0; i < 300; ++i) Issue("shop");
  Delete();
  Restart();
  EXPECT_EQ(CodeOf(key_.key()), v1::VERIFY_CODE_REVOKED);
  EXPECT_THAT(root().Call(NewKey("shop")), kNoProject());
  AwaitSweep(50);  // a page of them
  EXPECT_EQ(List(v1::KEY_STATE_ACTIVE).keys_size(), 0);
}

TEST_F(DeleteProjectsTest, WithItsLastKeyItIsGoneAndItsIdIsFree) {
  Delete();
  AwaitSweep(1);
  EXPECT_EQ(Get(key_.info().key_id()).state(), v1::KEY_STATE_DELETED);
  server_.clock().Advance(kRetention);
  while (!CreateAgain().ok()) server_.Reload();
  EXPECT_EQ(CodeOf(key_.key()), v1::VERIFY_CODE_NOT_FOUND);
  const IssuedKey fresh = Issue("shop");
  EXPECT_EQ(CodeOf(fresh.key()), v1::VERIFY_CODE_VALID);
}

TEST_F(DeleteProjectsTest, NoManagementKeyIsLeftForTheNextProjectOfAnEmptyOnesName) {
  MakeProject("empty");
  const IssuedKey manager = IssueManagementKey({"keys.issue", "keys.read"}, {"empty", "shop"});
  v1::DeleteProjectRequest remove;
  remove.set_project_id("empty");
  ASSERT_THAT(root().Call(remove), IsOk());
  v1::CreateProjectRequest create;
  create.mutable_project()->set_project_id("empty");
  while (!root().Call(create).ok()) server_.Reload();
  EXPECT_THAT(Get(manager.info().key_id()).bound_project_ids(), testing::ElementsAre("shop"));
  EXPECT_THAT(server_.As(manager.key()).Call(NewKey("empty")), kNoProject());
  EXPECT_THAT(server_.As(manager.key()).Call(NewKey("shop")), IsOk());
}

TEST_F(DeleteProjectsTest, ALostIssueIsNotRepeatedIntoIt) {
  v1::IssueKeyRequest request = NewKey("shop");
  request.set_request_id("123e4567-e89b-42d3-a456-426614174000");
  Issue(request);
  Delete();
  EXPECT_THAT(root().Call(request), kNoProject());
}

}  // namespace
}  // namespace claviger
