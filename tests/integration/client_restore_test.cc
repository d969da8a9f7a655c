// A verifier with a warm cache, over a restore of the authority that it follows.
#include "tests/integration/client_test.h"
#include "tests/integration/restore_testing.h"

namespace claviger {
namespace {

// The server's default.
constexpr absl::Duration kLease = absl::Seconds(3);

using ClientRestoreTest = WithRestore<ClientTest>;

TEST_F(ClientRestoreTest, AWarmCacheOfBeforeIsForgottenAndARevokedKeyIsNotAccepted) {
  const IssuedKey kept = Issue();
  const IssuedKey revoked = Issue();
  const IssuedKey unheard = Issue();
  const std::string backup = BackUp();
  const auto observer = std::make_shared<LeaseObserver>();
  ClientOptions options = Options();
  options.observer = observer;
  const auto client = ConnectOnServersClock(std::move(options));
  for (const IssuedKey* key : {&kept, &revoked, &unheard}) {
    ASSERT_TRUE(client->Check(key->key(), {}).valid());
    ASSERT_TRUE(client->Check(key->key(), {}).from_cache());
  }
  Revoke(revoked.info().key_id());
  EXPECT_FALSE(client->Check(revoked.key(), {}).valid());
  const IssuedKey later = Issue();
  ASSERT_TRUE(client->Check(later.key(), {}).valid());
  std::string log = Export();
  LoseTheStore();
  server_.clock().Advance(kLease);
  ASSERT_TRUE(Restore({.file = backup, .audit_export = log}).ok());
  StartAgain();
  WhileTimePasses([&] { EXPECT_TRUE(observer->WaitForAnother()); });

  const Decision asked = client->Check(kept.key(), {});
  EXPECT_TRUE(asked.valid());
  EXPECT_FALSE(asked.from_cache()) << "what was known under the old epoch is forgotten";
  EXPECT_EQ(client->Check(revoked.key(), {}).code(), DecisionCode::kRevoked);
  EXPECT_EQ(client->Check(later.key(), {}).code(), DecisionCode::kNotFound) << "it is lost";
  // From here on a revoke is a revoke again.
  EXPECT_TRUE(client->Check(unheard.key(), {}).valid());
  WhileTimePasses([&] { Revoke(unheard.info().key_id()); });
  EXPECT_EQ(client->Check(unheard.key(), {}).code(), DecisionCode::kRevoked);
  client->Close();
}

}  // namespace
}  // namespace claviger
