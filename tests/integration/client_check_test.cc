// What a check answers while the authority can be reached.

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "tests/integration/client_test.h"

namespace claviger {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kRead[] = {"orders:read"};
constexpr std::string_view kWrite[] = {"orders:write"};

using ClientCheckTest = ClientTest;

TEST_F(ClientCheckTest, TheFirstCheckAsksAndTheNextDoNot) {
  const IssuedKey issued = Issue("default", {"orders:read"});
  const auto client = Connect();
  const Decision first = client->Check(issued.key(), {.required_scopes = kRead});
  EXPECT_TRUE(first.valid());
  EXPECT_FALSE(first.from_cache());
  const Decision second = client->Check(issued.key(), {.required_scopes = kRead});
  EXPECT_TRUE(second.valid());
  EXPECT_TRUE(second.from_cache());
  EXPECT_EQ(client->state().cached_keys, 1u);
}

TEST_F(ClientCheckTest, AGrantIsWhatTheIssuerSaid) {
  v1::IssueKeyRequest request = NewKey("default", {"orders:*"});
  request.set_owner("alice");
  request.set_environment(v1::ENVIRONMENT_TEST);
  (*request.mutable_labels())["team"] = "blue";
  (*request.mutable_metadata()->mutable_fields())["plan"].set_string_value("gold");
  request.add_allowed_cidrs("10.0.0.0/8");
  SetDuration(absl::Hours(24), request.mutable_ttl());
  const IssuedKey issued = Issue(request);
  const auto client = Connect();
  for (int i = 0; i < 2; ++i) {
    const Decision decision = client->Check(issued.key(), {.client_ip = "10.1.2.3"});
    ASSERT_TRUE(decision.valid());
    const Grant& grant = decision.grant();
    EXPECT_EQ(grant.key_id(), issued.info().key_id());
    EXPECT_EQ(grant.project_id(), "default");
    EXPECT_EQ(grant.owner(), "alice");
    EXPECT_EQ(grant.environment(), KeyEnvironment::kTest);
    EXPECT_THAT(grant.scopes(), ElementsAre("orders:*"));
    EXPECT_EQ(grant.label("team"), "blue");
    EXPECT_EQ(grant.MetadataJson(), R"({"plan":"gold"})");
    EXPECT_EQ(grant.expire_time(), server_.clock().Now() + absl::Hours(24));
    EXPECT_THAT(grant.AllowedCidrs(), ElementsAre("10.0.0.0/8"));
  }
}

TEST_F(ClientCheckTest, EachCheckHasItsOwnRequirements) {
  v1::IssueKeyRequest request = NewKey("default", {"orders:read"});
  request.add_allowed_cidrs("10.0.0.0/8");
  const std::string key = Issue(request).key();
  const auto client = Connect();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(client->Check(key).code(), DecisionCode::kAddressNotAllowed);
    EXPECT_EQ(client->Check(key, {.client_ip = "10.0.0.1"}).code(), DecisionCode::kValid);
    EXPECT_EQ(client->Check(key, {.client_ip = "11.0.0.1"}).code(),
              DecisionCode::kAddressNotAllowed);
    const Decision lacking =
        client->Check(key, {.required_scopes = kWrite, .client_ip = "10.0.0.1"});
    EXPECT_EQ(lacking.code(), DecisionCode::kInsufficientScope);
    EXPECT_THAT(lacking.missing_scopes(), ElementsAre("orders:write"));
    EXPECT_EQ(client->Check(key, {.project_id = "shop", .client_ip = "10.0.0.1"}).code(),
              DecisionCode::kNotFound);
  }
  EXPECT_EQ(client->state().cached_keys, 1u) << "one answer serves all";
}

TEST_F(ClientCheckTest, WhatIsNoKeyOfThisAuthorityIsNotFound) {
  const std::string key = Issue().key();
  const auto client = Connect();
  EXPECT_EQ(client->Check("").code(), DecisionCode::kNotFound);
  EXPECT_EQ(client->Check("no key").code(), DecisionCode::kNotFound);
  SystemRandom random;
  const auto foreign = GenerateKey("clv", Environment::kLive, *KeyId::Generate(random), random);
  EXPECT_EQ(client->Check(foreign->ExposeSecret()).code(), DecisionCode::kNotFound);
  // The id of a key that is cached, and another secret.
  ASSERT_TRUE(client->Check(key).valid());
  const auto forged =
      GenerateKey("clv", Environment::kLive, *KeyId::Parse(key.substr(9, 16)), random);
  EXPECT_EQ(client->Check(forged->ExposeSecret()).code(), DecisionCode::kNotFound);
  EXPECT_TRUE(client->Check(key).from_cache()) << "still there";
}

TEST_F(ClientCheckTest, AChangeCountsFromItsReturnOn) {
  const IssuedKey revoked = Issue("default", {"orders:read"});
  const IssuedKey disabled = Issue("default", {"orders:read"});
  const IssuedKey narrowed = Issue("default", {"orders:read"});
  const auto client = Connect();
  for (const IssuedKey* issued : {&revoked, &disabled, &narrowed}) {
    ASSERT_TRUE(client->Check(issued->key()).valid());
  }
  const v1::RevokeKeyResponse answer = Revoke(revoked.info().key_id());
  EXPECT_EQ(client->Check(revoked.key()).code(), DecisionCode::kRevoked);
  EXPECT_EQ(answer.propagation().acked_sessions(), 1);
  Disable(disabled.info().key_id());
  EXPECT_EQ(client->Check(disabled.key()).code(), DecisionCode::kDisabled);
  v1::UpdateScopesRequest narrow;
  narrow.set_key_id(narrowed.info().key_id());
  narrow.add_remove("orders:read");
  ASSERT_THAT(root().Call(narrow), IsOk());
  EXPECT_EQ(client->Check(narrowed.key(), {.required_scopes = kRead}).code(),
            DecisionCode::kInsufficientScope);
}

TEST_F(ClientCheckTest, NoCheckThatBeginsAfterARevokeReturnedSucceeds) {
  const auto client = Connect();
  for (int round = 0; round < 20; ++round) {
    const IssuedKey issued = Issue();
    std::atomic<bool> revoked{false};
    std::atomic<int> accepted{0};
    std::atomic<int> violations{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        for (int left = 100; left > 0;) {
          const bool before = !revoked.load();
          const bool valid = client->Check(issued.key()).valid();
          if (valid) accepted.fetch_add(1);
          if (!before && valid) violations.fetch_add(1);
          if (!before) --left;
        }
      });
    }
    while (accepted.load() < 100) std::this_thread::yield();
    Revoke(issued.info().key_id());
    revoked.store(true);
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(violations.load(), 0);
  }
}

TEST_F(ClientCheckTest, AnAsynchronousCheckAnswersTheSame) {
  const IssuedKey issued = Issue();
  const auto client = Connect();
  for (const bool from_cache : {false, true}) {
    absl::Notification done;
    std::optional<Decision> decision;
    client->CheckAsync(issued.key(), {}, [&](Decision got) {
      decision = std::move(got);
      done.Notify();
    });
    ASSERT_TRUE(done.WaitForNotificationWithTimeout(kPatience));
    EXPECT_TRUE(decision->valid());
    EXPECT_EQ(decision->from_cache(), from_cache);
  }
}

TEST_F(ClientCheckTest, ACallbackCannotWaitForAnotherCheck) {
  const IssuedKey first = Issue();
  const IssuedKey second = Issue();
  const auto client = Connect();
  absl::Notification done;
  DecisionCode inner = DecisionCode::kValid;
  client->CheckAsync(first.key(), {}, [&](Decision) {
    inner = client->Check(second.key()).code();
    done.Notify();
  });
  ASSERT_TRUE(done.WaitForNotificationWithTimeout(kPatience));
  EXPECT_EQ(inner, DecisionCode::kUnavailable);
}

TEST_F(ClientCheckTest, OnlyKeysOfTheChosenProjectsAreKept) {
  MakeProject("shop");
  const std::string ours = Issue("shop").key();
  const IssuedKey theirs = Issue("default");
  ClientOptions options = Options();
  options.project_ids = {"shop"};
  const auto client = Connect(std::move(options));
  for (const bool again : {false, true}) {
    EXPECT_EQ(client->Check(ours).from_cache(), again);
    const Decision decision = client->Check(theirs.key());
    EXPECT_TRUE(decision.valid());
    EXPECT_FALSE(decision.from_cache());
  }
  Revoke(theirs.info().key_id());
  EXPECT_EQ(client->Check(theirs.key()).code(), DecisionCode::kRevoked);
}

TEST_F(ClientCheckTest, ACallerSeesKeysOfItsProjectsOnly) {
  MakeProject("shop");
  const std::string ours = Issue("shop").key();
  const std::string theirs = Issue("default").key();
  ClientOptions options = Options();
  options.key = SecretString(std::string(IssueManagementKey({"keys.verify"}, {"shop"}).key()));
  const auto client = Connect(std::move(options));
  EXPECT_TRUE(client->Check(ours).valid());
  EXPECT_EQ(client->Check(theirs).code(), DecisionCode::kNotFound);
}

TEST_F(ClientCheckTest, TheCacheKeepsToItsBound) {
  ClientOptions options = Options();
  options.max_cached_keys = 10;
  const auto client = Connect(std::move(options));
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(client->Check(Issue().key()).valid());
  EXPECT_LE(client->state().cached_keys, 10u);
}

TEST_F(ClientCheckTest, NeitherKeyGetsIntoTheServersLog) {
  const IssuedKey issued = Issue();
  {
    const auto client = Connect();
    EXPECT_TRUE(client->Check(issued.key()).valid());
  }
  for (const std::string& line : TestServer::LogLines()) {
    EXPECT_EQ(line.find(issued.key().substr(26)), std::string::npos) << line;
    EXPECT_EQ(line.find(server_.root_key().substr(26)), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace claviger
