// Projects, and what their policy and catalog mean for keys.

#include "absl/time/clock.h"
#include "google/protobuf/util/message_differencer.h"
#include "tests/integration/server_test.h"

namespace claviger {
namespace {

using ::google::protobuf::util::MessageDifferencer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class ProjectsTest : public ServerTest {
 protected:
  v1::Project FullProject() {
    v1::Project project;
    project.set_project_id("shop");
    project.set_display_name("The shop");
    project.set_key_prefix("shop1");
    project.add_scope_catalog("orders:*");
    project.add_scope_catalog("admin");
    SetDuration(absl::Hours(48), project.mutable_policy()->mutable_max_key_ttl());
    SetDuration(absl::Hours(24), project.mutable_policy()->mutable_default_key_ttl());
    project.mutable_policy()->set_require_expiry(true);
    project.mutable_policy()->set_allowed_cidrs_required(true);
    return project;
  }

  v1::Project Create(const v1::Project& project) {
    v1::CreateProjectRequest request;
    *request.mutable_project() = project;
    const auto outcome = root().Call(request);
    EXPECT_THAT(outcome, IsOk());
    return outcome->project();
  }

  v1::Project GetProject(const std::string& id) {
    v1::GetProjectRequest request;
    request.set_project_id(id);
    const auto outcome = root().Call(request);
    EXPECT_THAT(outcome, IsOk());
    return outcome->project();
  }

  v1::Project Update(const v1::Project& values, const Strings& paths) {
    v1::UpdateProjectRequest request;
    *request.mutable_project() = values;
    for (const std::string& path : paths) request.mutable_update_mask()->add_paths(path);
    const auto outcome = root().Call(request);
    EXPECT_THAT(outcome, IsOk());
    return outcome->project();
  }

  Outcome<v1::DeleteProjectResponse> Delete(const std::string& id, uint64_t if_revision = 0) {
    v1::DeleteProjectRequest request;
    request.set_project_id(id);
    request.set_if_revision(if_revision);
    return root().Call(request);
  }
};

TEST_F(ProjectsTest, ACreatedProjectHasWhatWasSaid) {
  const v1::Project created = Create(FullProject());
  v1::Project expected = FullProject();
  expected.clear_scope_catalog();
  expected.add_scope_catalog("admin");  // sorted
  expected.add_scope_catalog("orders:*");
  SetTime(server_.clock().Now(), expected.mutable_create_time());
  SetTime(server_.clock().Now(), expected.mutable_update_time());
  expected.set_revision(created.revision());
  EXPECT_GT(created.revision(), 0u);
  EXPECT_TRUE(MessageDifferencer::Equals(created, expected)) << created.DebugString();
  EXPECT_TRUE(MessageDifferencer::Equals(GetProject("shop"), created));
}

TEST_F(ProjectsTest, WhatTheServerSetsIsIgnoredInRequests) {
  v1::Project project;
  project.set_project_id("shop");
  project.mutable_create_time()->set_seconds(1);
  project.set_revision(4711);
  const v1::Project created = Create(project);
  EXPECT_EQ(ToTime(created.create_time()), server_.clock().Now());
  EXPECT_NE(created.revision(), 4711u);
  EXPECT_EQ(created.key_prefix(), "clv");
}

TEST_F(ProjectsTest, TheFirstStartMakesDefaultAndClaviger) {
  EXPECT_THAT(GetProject("default").scope_catalog(), IsEmpty());
  EXPECT_THAT(GetProject("claviger").scope_catalog(), testing::Contains("keys.issue"));
}

TEST_F(ProjectsTest, EachPathOfTheMaskChangesItsFieldAlone) {
  const v1::Project before = Create(FullProject());
  v1::Project values;
  values.set_project_id("shop");
  values.set_display_name("Other");
  values.set_key_prefix("other");
  values.add_scope_catalog("else");
  SetDuration(absl::Hours(40), values.mutable_policy()->mutable_max_key_ttl());
  SetDuration(absl::Hours(20), values.mutable_policy()->mutable_default_key_ttl());
  struct Case {
    std::string path;
    std::function<void(v1::Project&)> apply;
  };
  v1::Project expected = before;
  for (const Case& row : std::vector<Case>{
           {"display_name", [](v1::Project& p) { p.set_display_name("Other"); }},
           {"key_prefix", [](v1::Project& p) { p.set_key_prefix("other"); }},
           {"scope_catalog",
            [](v1::Project& p) {
              p.clear_scope_catalog();
              p.add_scope_catalog("else");
            }},
           {"policy.max_key_ttl",
            [&](v1::Project& p) {
              *p.mutable_policy()->mutable_max_key_ttl() = values.policy().max_key_ttl();
            }},
           {"policy.default_key_ttl",
            [&](v1::Project& p) {
              *p.mutable_policy()->mutable_default_key_ttl() = values.policy().default_key_ttl();
            }},
           {"policy.require_expiry",
            [](v1::Project& p) { p.mutable_policy()->set_require_expiry(false); }},
           {"policy.allowed_cidrs_required",
            [](v1::Project& p) { p.mutable_policy()->set_allowed_cidrs_required(false); }}}) {
    server_.clock().Advance(absl::Seconds(1));
    const v1::Project updated = Update(values, {row.path});
    row.apply(expected);
    SetTime(server_.clock().Now(), expected.mutable_update_time());
    EXPECT_GT(updated.revision(), expected.revision());
    expected.set_revision(updated.revision());
    EXPECT_TRUE(MessageDifferencer::Equals(updated, expected)) << row.path << updated.DebugString();
    EXPECT_TRUE(MessageDifferencer::Equals(GetProject("shop"), updated)) << row.path;
  }
}

TEST_F(ProjectsTest, ThePathPolicyReplacesAllOfIt) {
  Create(FullProject());
  v1::Project values;
  values.set_project_id("shop");
  const v1::Project updated = Update(values, {"policy"});
  EXPECT_FALSE(updated.policy().has_max_key_ttl());
  EXPECT_FALSE(updated.policy().has_default_key_ttl());
  EXPECT_FALSE(updated.policy().require_expiry());
  EXPECT_EQ(updated.display_name(), "The shop");
}

TEST_F(ProjectsTest, AnUpdateThatChangesNothingWritesNothing) {
  const v1::Project created = Create(FullProject());
  const auto before = Written();
  EXPECT_TRUE(
      MessageDifferencer::Equals(Update(FullProject(), {"display_name", "policy"}), created));
  EXPECT_EQ(Written(), before);
}

TEST_F(ProjectsTest, AMaximumBelowTheDefaultIsRefusedAlsoWhenOnlyOneIsNamed) {
  Create(FullProject());
  v1::UpdateProjectRequest request;
  request.mutable_project()->set_project_id("shop");
  SetDuration(absl::Hours(1), request.mutable_project()->mutable_policy()->mutable_max_key_ttl());
  request.mutable_update_mask()->add_paths("policy.max_key_ttl");
  EXPECT_THAT(root().Call(request), IsError(StatusCode::INVALID_ARGUMENT, "FIELD_INVALID",
                                            "project.policy.default_key_ttl"));
}

TEST_F(ProjectsTest, AnEmptyProjectIsDeleted) {
  const v1::Project created = MakeProject("shop");
  EXPECT_THAT(Delete("shop", created.revision()), IsOk());
  EXPECT_THAT(Delete("shop"), IsError(StatusCode::NOT_FOUND, "PROJECT_NOT_FOUND"));
  // Its id is free once it is purged, which is a moment later.
  v1::ListAuditEventsRequest purges;
  purges.mutable_filter()->add_actions("PurgeProject");
  const absl::Time deadline = absl::Now() + absl::Minutes(1);
  while (root().Call(purges)->events_size() == 0 && absl::Now() < deadline) {
  }
  MakeProject("shop");
}

TEST_F(ProjectsTest, AProjectWithKeysIsNotDeleted) {
  MakeProject("shop");
  Revoke(Issue("shop").info().key_id());
  EXPECT_THAT(Delete("shop"), IsError(StatusCode::FAILED_PRECONDITION, "PROJECT_NOT_EMPTY"));
}

TEST_F(ProjectsTest, TheBuiltInProjectsStayAsTheyAre) {
  for (const std::string id : {"default", "claviger"}) {
    EXPECT_THAT(Delete(id), IsError(StatusCode::FAILED_PRECONDITION, "PROJECT_RESERVED")) << id;
  }
  for (const std::string path : {"scope_catalog", "key_prefix"}) {
    v1::UpdateProjectRequest request;
    request.mutable_project()->set_project_id("claviger");
    request.mutable_update_mask()->add_paths(path);
    EXPECT_THAT(root().Call(request), IsError(StatusCode::FAILED_PRECONDITION, "PROJECT_RESERVED"));
  }
}

TEST_F(ProjectsTest, ListsAreByIdAndPaged) {
  for (const std::string id : {"ddd", "bbb", "aaa", "ccc"}) MakeProject(id);
  v1::ListProjectsRequest request;
  request.set_page_size(4);
  const auto first = root().Call(request);
  ASSERT_THAT(first, IsOk());
  request.set_page_token(first->next_page_token());
  const auto second = root().Call(request);
  ASSERT_THAT(second, IsOk());
  EXPECT_THAT(second->next_page_token(), IsEmpty());
  Strings ids;
  for (const auto& page : {first, second}) {
    for (const v1::Project& project : page->projects()) ids.push_back(project.project_id());
  }
  EXPECT_THAT(ids, ElementsAre("aaa", "bbb", "ccc", "claviger", "ddd", "default"));
}

TEST_F(ProjectsTest, ThePrefixHoldsForKeysIssuedFromThenOn) {
  MakeProject("shop");
  const IssuedKey old = Issue("shop");
  v1::Project values;
  values.set_project_id("shop");
  values.set_key_prefix("new1");
  Update(values, {"key_prefix"});
  EXPECT_THAT(Issue("shop").key(), StartsWith("new1_live_"));
  EXPECT_THAT(Get(old.info().key_id()).key_prefix(), StartsWith("clv_live_"));
  EXPECT_EQ(CodeOf(old.key()), v1::VERIFY_CODE_VALID);
}

// One rule of a policy, a request that it forbids, and a word of the answer.
struct PolicyCase {
  std::string name;
  std::function<void(v1::ProjectPolicy&)> rule;
  std::function<void(v1::IssueKeyRequest&)> wish;
  std::string field;
  std::string accepted;
};

TEST_F(ProjectsTest, APolicyForbidsAtIssue) {
  const auto max_two_days = [](v1::ProjectPolicy& p) {
    SetDuration(absl::Hours(48), p.mutable_max_key_ttl());
  };
  const absl::Time now = server_.clock().Now();
  int number = 0;
  for (const PolicyCase& row : std::vector<PolicyCase>{
           {"ttl", max_two_days,
            [](auto& r) { SetDuration(absl::Hours(48) + absl::Nanoseconds(1), r.mutable_ttl()); },
            "ttl", "at most 48h"},
           {"end", max_two_days,
            [=](auto& r) { SetTime(now + absl::Hours(49), r.mutable_expire_time()); },
            "expire_time", "at most 48h"},
           {"no end", [](auto& p) { p.set_require_expiry(true); }, [](auto&) {}, "ttl",
            "requires that keys expire"},
           {"no addresses", [](auto& p) { p.set_allowed_cidrs_required(true); }, [](auto&) {},
            "allowed_cidrs", "limited to addresses"}}) {
    SCOPED_TRACE(row.name);
    v1::Project project;
    project.set_project_id("p" + std::to_string(number++));
    row.rule(*project.mutable_policy());
    Create(project);
    v1::IssueKeyRequest request = NewKey(project.project_id());
    row.wish(request);
    const auto before = Written();
    EXPECT_THAT(root().Call(request), IsError(StatusCode::FAILED_PRECONDITION, "POLICY_VIOLATION",
                                              row.field, row.accepted));
    EXPECT_EQ(Written(), before);
  }
}

TEST_F(ProjectsTest, APolicySetsTheEndOfKeysThatNameNone) {
  v1::Project project;
  project.set_project_id("shop");
  SetDuration(absl::Hours(48), project.mutable_policy()->mutable_max_key_ttl());
  Create(project);
  EXPECT_EQ(ToTime(Issue("shop").info().expire_time()), server_.clock().Now() + absl::Hours(48));
  SetDuration(absl::Hours(24), project.mutable_policy()->mutable_default_key_ttl());
  project.mutable_policy()->set_require_expiry(true);
  Update(project, {"policy"});
  EXPECT_EQ(ToTime(Issue("shop").info().expire_time()), server_.clock().Now() + absl::Hours(24));
  v1::IssueKeyRequest longest = NewKey("shop");
  SetDuration(absl::Hours(48), longest.mutable_ttl());
  EXPECT_THAT(root().Call(longest), IsOk());
}

TEST_F(ProjectsTest, AKeyKeepsScopesThatItWasGivenUnderAnOlderCatalog) {
  MakeProject("shop", {"a", "b"});
  const IssuedKey key = Issue("shop", {"a", "b"});
  v1::Project values;
  values.set_project_id("shop");
  values.add_scope_catalog("b");
  Update(values, {"scope_catalog"});
  EXPECT_EQ(Verify(CheckOf(key.key(), {"a"})).code(), v1::VERIFY_CODE_VALID);
  v1::UpdateScopesRequest request;
  request.set_key_id(key.info().key_id());
  request.add_remove("b");
  EXPECT_THAT(root().Call(request), IsOk());
  request.clear_remove();
  request.add_add("c");
  EXPECT_THAT(root().Call(request),
              IsError(StatusCode::INVALID_ARGUMENT, "SCOPE_NOT_IN_CATALOG", "add[0]"));
}

TEST_F(ProjectsTest, ACatalogThatClosesTakesNothingFromAWildcardAndGivesNoMore) {
  MakeProject("shop");
  const IssuedKey all = Issue("shop", {"*"});
  const IssuedKey orders = Issue("shop", {"orders:*"});
  v1::Project values;
  values.set_project_id("shop");
  values.add_scope_catalog("orders:read");
  Update(values, {"scope_catalog"});
  EXPECT_EQ(Verify(CheckOf(all.key(), {"anything"})).code(), v1::VERIFY_CODE_VALID);
  EXPECT_EQ(Verify(CheckOf(orders.key(), {"orders:write"})).code(), v1::VERIFY_CODE_VALID);
  EXPECT_EQ(Verify(CheckOf(orders.key(), {"stock:read"})).code(),
            v1::VERIFY_CODE_INSUFFICIENT_SCOPE);
  // From then on nobody gets what the catalog does not cover.
  for (const std::string scope : {"*", "orders:*", "orders:write"}) {
    EXPECT_THAT(root().Call(NewKey("shop", {scope})),
                IsError(StatusCode::INVALID_ARGUMENT, "SCOPE_NOT_IN_CATALOG", "scopes[0]"));
  }
  EXPECT_THAT(root().Call(NewKey("shop", {"orders:read"})), IsOk());
}

TEST_F(ProjectsTest, ACatalogThatGrowsOrOpensWidensNoKey) {
  MakeProject("shop", {"orders:read", "stock:*"});
  const IssuedKey whole = Issue("shop", {"orders:read", "stock:*"});
  v1::Project values;
  values.set_project_id("shop");
  for (const std::string scope : {"orders:read", "stock:*", "refunds:make"}) {
    values.add_scope_catalog(scope);
  }
  const auto expect_as_issued = [&] {
    EXPECT_EQ(Verify(CheckOf(whole.key(), {"orders:read", "stock:count"})).code(),
              v1::VERIFY_CODE_VALID);
    for (const std::string scope : {"refunds:make", "orders:write", "anything"}) {
      EXPECT_EQ(Verify(CheckOf(whole.key(), {scope})).code(), v1::VERIFY_CODE_INSUFFICIENT_SCOPE);
    }
    EXPECT_THAT(Get(whole.info().key_id()).scopes(), ElementsAre("orders:read", "stock:*"));
  };
  Update(values, {"scope_catalog"});
  expect_as_issued();
  values.clear_scope_catalog();
  Update(values, {"scope_catalog"});
  expect_as_issued();
}

TEST_F(ProjectsTest, APolicyThatTightensLeavesTheKeysThatAreThere) {
  MakeProject("shop");
  const IssuedKey key = Issue("shop");
  v1::Project values = FullProject();
  Update(values, {"policy"});
  EXPECT_FALSE(Get(key.info().key_id()).has_expire_time());
  EXPECT_EQ(CodeOf(key.key()), v1::VERIFY_CODE_VALID);
  EXPECT_THAT(root().Call(NewKey("shop")),
              IsError(StatusCode::FAILED_PRECONDITION, "POLICY_VIOLATION", "allowed_cidrs"));
}

}  // namespace
}  // namespace claviger
