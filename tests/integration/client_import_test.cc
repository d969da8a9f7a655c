// Keys that were made elsewhere, through the client and its cache.

#include <thread>

#include "core/digest.h"
#include "tests/integration/client_test.h"

namespace claviger {
namespace {

constexpr char kText[] = "sk_live_51H8f0aZZ";

class ClientImportTest : public ClientTest {
 protected:
  // The key's id.
  std::string Import(const std::string& text, bool by_512 = false,
                     const std::string& project_id = "default") {
    v1::ImportKeysRequest request;
    request.set_project_id(project_id);
    v1::ImportedKey& key = *request.add_keys();
    key.set_display_name("an old key");
    if (by_512) {
      key.set_sha512(ToHex(AsBytes(Sha512(text))));
    } else {
      key.set_sha256(ToHex(AsBytes(Sha256(text))));
    }
    const auto answer = root().Call(request);
    EXPECT_THAT(answer, IsOk());
    EXPECT_EQ(answer->imported_count(), 1);
    return answer->results(0).key_id();
  }
};

TEST_F(ClientImportTest, TheFirstCheckAsksAndTheNextDoNot) {
  for (const bool by_512 : {false, true}) {
    const std::string text = by_512 ? "one" : "two";
    const std::string id = Import(text, by_512);
    const auto client = Connect();
    const Decision first = client->Check(text);
    EXPECT_TRUE(first.valid());
    EXPECT_FALSE(first.from_cache());
    const Decision second = client->Check(text);
    EXPECT_TRUE(second.valid());
    EXPECT_TRUE(second.from_cache());
    EXPECT_EQ(second.grant().key_id(), id);
    EXPECT_EQ(client->Check(text + "x").code(), DecisionCode::kNotFound);
  }
}

TEST_F(ClientImportTest, WhileNoKeyWasImportedATextOfElsewhereCostsNoCall) {
  const auto client = Connect();
  for (int i = 0; i < 3; ++i) {
    const Decision decision = client->Check("text " + std::to_string(i));
    EXPECT_EQ(decision.code(), DecisionCode::kNotFound);
    EXPECT_TRUE(decision.from_cache());
  }
  Import(kText);
  // From the moment that the client heard of it on it asks; it hears of it on a stream.
  while (!client->Check(kText).valid()) std::this_thread::yield();
  EXPECT_TRUE(client->Check(kText).valid());
}

TEST_F(ClientImportTest, AVerifierOfAnotherProjectHearsOfTheFirstImportedKeyToo) {
  MakeProject("shop");
  ClientOptions options = Options();
  options.project_ids = {"shop"};
  const auto client = Connect(std::move(options));
  EXPECT_TRUE(client->Check(kText).from_cache());
  Import(kText);
  while (!client->Check(kText).valid()) std::this_thread::yield();
  EXPECT_FALSE(client->Check(kText).from_cache()) << "not a key that it may keep";
}

TEST_F(ClientImportTest, AStrictRevokeCountsFromItsReturnOn) {
  Import("the first");
  const auto client = Connect();
  for (int round = 0; round < 20; ++round) {
    const std::string text = "text " + std::to_string(round);
    const std::string id = Import(text, round % 2 == 1);
    ASSERT_TRUE(client->Check(text).valid());
    // The news of the import may come only now, and take the first answer away again.
    while (!client->Check(text).from_cache()) std::this_thread::yield();
    const v1::RevokeKeyResponse revoked = Revoke(id);
    EXPECT_EQ(client->Check(text).code(), DecisionCode::kRevoked);
    EXPECT_EQ(revoked.propagation().outcome(), v1::PROPAGATION_OUTCOME_ALL_ACKED);
    EXPECT_EQ(revoked.propagation().acked_sessions(), 1);
  }
}

TEST_F(ClientImportTest, ARestartOfTheAuthorityKeepsThem) {
  Import(kText);
  Restart();
  const auto client = Connect();
  EXPECT_TRUE(client->Check(kText).valid());
  EXPECT_TRUE(client->Check(kText).from_cache());
}

}  // namespace
}  // namespace claviger
