// Checks that the client's cache answers, as the authority counts them.
#include "tests/integration/client_test.h"
#include "tests/integration/usage_test.h"

namespace claviger {
namespace {

class ClientUsageTest : public UsageTestOver<ClientTest> {
 protected:
  static constexpr std::string_view kWrite[] = {"orders:write"};
};

TEST_F(ClientUsageTest, EveryCheckIsCountedOnceWhoeverAnswersIt) {
  const IssuedKey key = Issue("default", {"orders:read"});
  {
    const std::unique_ptr<Client> client = Connect();
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(client->Check(key.key()).valid());
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(client->Check(key.key(), {.required_scopes = kWrite}).code(),
                DecisionCode::kInsufficientScope);
    }
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(client->Check(key.key(), {.project_id = "claviger"}).code(),
                DecisionCode::kNotFound);
    }
    client->Close();
  }
  Flush();
  EXPECT_EQ(TotalsOf(key.info().key_id()), (Totals{{v1::VERIFY_CODE_VALID, 20},
                                                   {v1::VERIFY_CODE_INSUFFICIENT_SCOPE, 5},
                                                   {v1::VERIFY_CODE_NOT_FOUND, 3}}));
}

TEST_F(ClientUsageTest, TheLastUseComesWithItsAddress) {
  const IssuedKey key = Issue();
  const IssuedKey service = IssueManagementKey({"keys.verify"});
  ClientOptions options = Options();
  options.key = SecretString(std::string(service.key()));
  const std::shared_ptr<client::Core> core = ConnectOnServersClock(std::move(options));
  EXPECT_TRUE(core->Check(key.key(), {.client_ip = "192.0.2.1"}).valid());
  server_.clock().Advance(absl::Milliseconds(1500));
  EXPECT_TRUE(core->Check(key.key(), {.client_ip = "2001:db8::2"}).from_cache());
  core->Close();
  Flush();
  const v1::Key info = Get(key.info().key_id());
  // To the second: the verifier's clock is asked for no more.
  EXPECT_LE(server_.clock().Now() - ToTime(info.last_used_time()), absl::Seconds(1));
  EXPECT_EQ(info.last_used_address(), "2001:db8::2");
  EXPECT_EQ(info.last_used_by(), "key:" + service.info().key_id());
}

TEST_F(ClientUsageTest, CountsComeWhileTheClientRuns) {
  server_.config().sync.lease = absl::Seconds(1);  // and so three beats a second
  Restart();
  const IssuedKey key = Issue();
  const std::unique_ptr<Client> client = Connect();
  EXPECT_TRUE(client->Check(key.key()).valid());
  EXPECT_TRUE(client->Check(key.key()).from_cache());
  v1::GetUsageRequest request;
  request.set_key_id(key.info().key_id());
  request.set_interval(v1::USAGE_INTERVAL_DAY);
  SetTime(server_.clock().Now(), request.mutable_start_time());
  const Totals both = {{v1::VERIFY_CODE_VALID, 2}};
  Totals totals;
  const absl::Time give_up = absl::Now() + kPatience;
  while (totals != both && absl::Now() < give_up) {
    server_.clock().Advance(absl::Seconds(10));
    server_.Reload();  // the timer, which else looks at the real clock
    totals = ToTotals(UsageOf(request).totals());
  }
  EXPECT_EQ(totals, both);
}

TEST_F(ClientUsageTest, WhatAKeyHadCountedOutlivesItsPlaceInTheCache) {
  const IssuedKey key = Issue();
  {
    const std::unique_ptr<Client> client = Connect();
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(client->Check(key.key()).valid());
    Revoke(key.info().key_id());
    EXPECT_EQ(client->Check(key.key()).code(), DecisionCode::kRevoked);
    client->Close();
  }
  Flush();
  EXPECT_EQ(TotalsOf(key.info().key_id()),
            (Totals{{v1::VERIFY_CODE_VALID, 4}, {v1::VERIFY_CODE_REVOKED, 1}}));
}

}  // namespace
}  // namespace claviger
