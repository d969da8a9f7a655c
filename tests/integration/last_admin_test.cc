// Somebody can always manage everything.

#include "tests/integration/server_test.h"

namespace claviger {
namespace {

class LastAdminTest : public ServerTest {
 protected:
  std::string root_id() const { return server_.root_key().substr(9, 16); }

  // Every way to make that key useless; none of them writes.
  std::vector<std::pair<std::string, grpc::Status>> Attempts(const std::string& key_id) {
    v1::RevokeKeyRequest revoke;
    revoke.set_key_id(key_id);
    revoke.set_validate_only(true);
    v1::DisableKeyRequest disable;
    disable.set_key_id(key_id);
    disable.set_validate_only(true);
    v1::UpdateScopesRequest narrow;
    narrow.set_key_id(key_id);
    narrow.mutable_replace_with()->add_scopes("keys.read");
    narrow.set_validate_only(true);
    return {{"revoke", root().Call(revoke).status},
            {"disable", root().Call(disable).status},
            {"narrow", root().Call(narrow).status}};
  }
  void ExpectRefused() {
    for (const auto& [name, status] : Attempts(root_id())) {
      EXPECT_THAT(status, IsError(StatusCode::FAILED_PRECONDITION, "LAST_ADMIN_KEY")) << name;
      EXPECT_EQ(ErrorOf(status).resource_name, root_id()) << name;
    }
  }
  void ExpectAllowed() {
    for (const auto& [name, status] : Attempts(root_id())) EXPECT_THAT(status, IsOk()) << name;
  }
};

TEST_F(LastAdminTest, TheLastKeyThatMayDoEverythingStays) {
  const auto before = Written();
  ExpectRefused();
  v1::RevokeKeyRequest revoke;
  revoke.set_key_id(root_id());
  EXPECT_THAT(root().Call(revoke), IsError(StatusCode::FAILED_PRECONDITION, "LAST_ADMIN_KEY"));
  EXPECT_EQ(Written(), before);
}

TEST_F(LastAdminTest, OneThatHasLessCannotReplaceIt) {
  v1::UpdateKeyRequest addresses;
  addresses.mutable_key()->set_key_id(root_id());
  addresses.mutable_key()->add_allowed_cidrs("203.0.113.0/24");
  addresses.mutable_update_mask()->add_paths("allowed_cidrs");
  EXPECT_THAT(root().Call(addresses), IsError(StatusCode::FAILED_PRECONDITION, "LAST_ADMIN_KEY"));

  v1::RotateKeyRequest rotate;
  rotate.set_key_id(root_id());
  SetDuration(absl::ZeroDuration(), rotate.mutable_grace_period());
  SetDuration(absl::Hours(23), rotate.mutable_ttl());
  EXPECT_THAT(root().Call(rotate), IsError(StatusCode::FAILED_PRECONDITION, "LAST_ADMIN_KEY"));

  v1::IssueKeyRequest elsewhere = NewKey("claviger", {"settings.manage"});
  elsewhere.add_allowed_cidrs("203.0.113.0/24");
  Issue(elsewhere);
  ExpectRefused();

  SetDuration(absl::Hours(24), rotate.mutable_ttl());
  EXPECT_THAT(root().Call(rotate), IsOk()) << "time to issue another one";
}

TEST_F(LastAdminTest, OnlyKeysThatMayDoEverythingNowCount) {
  MakeProject("web");
  IssueManagementKey({"keys.issue", "keys.revoke"});
  IssueManagementKey({"settings.manage"}, {"web"});
  const IssuedKey disabled = IssueManagementKey({"settings.manage"});
  Disable(disabled.info().key_id());
  const IssuedKey revoked = IssueManagementKey({"settings.manage"});
  Revoke(revoked.info().key_id());
  v1::IssueKeyRequest soon = NewKey("claviger", {"settings.manage"});
  SetDuration(absl::Hours(25), soon.mutable_ttl());
  Issue(soon);
  ExpectAllowed();
  server_.clock().Advance(absl::Hours(2));
  ExpectRefused();
}

TEST_F(LastAdminTest, WithAnotherOneItMayGo) {
  const IssuedKey other = IssueManagementKey({"settings.manage"});
  ExpectAllowed();
  const TestCaller next = server_.As(other.key());
  v1::RevokeKeyRequest revoke;
  revoke.set_key_id(root_id());
  EXPECT_THAT(next.Call(revoke), IsOk());
  revoke.set_key_id(other.info().key_id());
  EXPECT_THAT(next.Call(revoke), IsError(StatusCode::FAILED_PRECONDITION, "LAST_ADMIN_KEY"));
  Restart();
  EXPECT_THAT(server_.As(other.key()).Call(revoke),
              IsError(StatusCode::FAILED_PRECONDITION, "LAST_ADMIN_KEY"));
}

TEST_F(LastAdminTest, ARevokedKeyIsRevokedAgainAllTheSame) {
  const IssuedKey other = IssueManagementKey({"settings.manage"});
  Revoke(other.info().key_id());
  Revoke(other.info().key_id());
}

}  // namespace
}  // namespace claviger
