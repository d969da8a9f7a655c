// The life of a key, from issue to revocation, with every field that anybody sees of it.

#include "core/digest.h"
#include "core/key_format.h"
#include "google/protobuf/util/message_differencer.h"
#include "tests/integration/server_test.h"

namespace claviger {
namespace {

using ::google::protobuf::util::MessageDifferencer;
using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Pair;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

class StoryTest : public ServerTest {
 protected:
  // A key with everything that an issuer can say.
  v1::IssueKeyRequest FullKey() {
    v1::IssueKeyRequest request = NewKey("shop", {"orders:write", "orders:read", "orders:read"});
    request.set_display_name("Käufer №1");
    request.set_description("for the shop's back end");
    request.set_environment(v1::ENVIRONMENT_TEST);
    SetDuration(absl::Hours(24), request.mutable_ttl());
    request.set_owner("customer-17");
    (*request.mutable_labels())["team"] = "blue";
    (*request.mutable_metadata()->mutable_fields())["plan"].set_string_value("gold");
    request.add_allowed_cidrs("10.0.0.0/8");
    request.add_allowed_cidrs("2001:DB8::/32");
    return request;
  }

  void SetUp() override {
    v1::CreateProjectRequest request;
    request.mutable_project()->set_project_id("shop");
    request.mutable_project()->set_key_prefix("shop");
    ASSERT_THAT(root().Call(request), IsOk());
    root_id_ = IdOf(server_.root_key());
    issued_ = Issue(FullKey());
  }

  static std::string IdOf(const std::string& key) { return ParseKey(key)->id.ToString(); }

  v1::VerifyRequest CheckFromInside(const Strings& required_scopes = {}) {
    v1::VerifyRequest request = CheckOf(issued_.key(), required_scopes);
    request.set_client_ip("10.1.2.3");
    return request;
  }

  std::string root_id_;
  IssuedKey issued_;
};

TEST_F(StoryTest, AnIssuedKeyHasWhatItsIssuerSaid) {
  const v1::Key& info = issued_.info();
  EXPECT_THAT(issued_.key(), MatchesRegex("shop_test_[0-9A-Za-z]{16}_[0-9A-Za-z]{49}"));
  EXPECT_EQ(info.key_id(), IdOf(issued_.key()));
  EXPECT_EQ(info.project_id(), "shop");
  EXPECT_EQ(info.display_name(), "Käufer №1");
  EXPECT_EQ(info.description(), "for the shop's back end");
  EXPECT_EQ(info.environment(), v1::ENVIRONMENT_TEST);
  EXPECT_EQ(info.key_prefix(), "shop_test_" + info.key_id());
  EXPECT_EQ(info.masked_key(),
            issued_.key().substr(0, 8) + "…" + issued_.key().substr(issued_.key().size() - 4));
  EXPECT_EQ(info.state(), v1::KEY_STATE_ACTIVE);
  EXPECT_THAT(info.scopes(), ElementsAre("orders:read", "orders:write"));
  EXPECT_THAT(info.allowed_cidrs(), ElementsAre("10.0.0.0/8", "2001:db8::/32"));
  EXPECT_EQ(info.owner(), "customer-17");
  EXPECT_THAT(info.labels(), UnorderedElementsAre(Pair("team", "blue")));
  EXPECT_EQ(info.metadata().fields().at("plan").string_value(), "gold");
  EXPECT_EQ(ToTime(info.create_time()), server_.clock().Now());
  EXPECT_EQ(info.created_by(), "key:" + root_id_);
  EXPECT_EQ(ToTime(info.update_time()), server_.clock().Now());
  EXPECT_EQ(ToTime(info.expire_time()), server_.clock().Now() + absl::Hours(24));
  EXPECT_GT(info.revision(), 0u);
}

TEST_F(StoryTest, AnIssuedKeyHasNothingElse) {
  v1::Key info = issued_.info();
  EXPECT_FALSE(info.has_last_used_time());
  EXPECT_FALSE(info.has_revoke_time());
  EXPECT_EQ(info.revoke_reason(), v1::REVOKE_REASON_UNSPECIFIED);
  EXPECT_THAT(info.revoke_note(), IsEmpty());
  EXPECT_THAT(info.rotated_from(), IsEmpty());
  EXPECT_THAT(info.rotated_to(), IsEmpty());
  EXPECT_FALSE(info.has_delete_time());
  EXPECT_FALSE(info.has_purge_time());
  EXPECT_THAT(info.bound_project_ids(), IsEmpty());
}

TEST_F(StoryTest, AKeyWithoutWishesHasTheDefaults) {
  const v1::Key info = Issue("default").info();
  EXPECT_EQ(info.environment(), v1::ENVIRONMENT_LIVE);
  EXPECT_THAT(info.key_prefix(), StartsWith("clv_live_"));
  EXPECT_FALSE(info.has_expire_time());
  EXPECT_FALSE(info.has_metadata());
  EXPECT_THAT(info.scopes(), IsEmpty());
}

TEST_F(StoryTest, GetAndListShowTheKeyAsIssueDid) {
  EXPECT_TRUE(MessageDifferencer::Equals(Get(issued_.info().key_id()), issued_.info()));
  v1::ListKeysRequest request;
  request.add_project_ids("shop");
  const auto listed = root().Call(request);
  ASSERT_THAT(listed, IsOk());
  ASSERT_EQ(listed->keys_size(), 1);
  EXPECT_TRUE(MessageDifferencer::Equals(listed->keys(0), issued_.info()));
  EXPECT_THAT(listed->next_page_token(), IsEmpty());
  EXPECT_EQ(listed->total_size(), 0);
}

TEST_F(StoryTest, VerifyGrantsWhatTheKeyIs) {
  const v1::VerifyResponse answer = Verify(CheckFromInside({"orders:read"}));
  EXPECT_TRUE(answer.valid());
  EXPECT_EQ(answer.code(), v1::VERIFY_CODE_VALID);
  EXPECT_EQ(answer.grant().key_id(), issued_.info().key_id());
  EXPECT_EQ(answer.grant().project_id(), "shop");
  EXPECT_EQ(answer.grant().owner(), "customer-17");
  EXPECT_EQ(answer.grant().environment(), v1::ENVIRONMENT_TEST);
  EXPECT_THAT(answer.grant().scopes(), ElementsAre("orders:read", "orders:write"));
  EXPECT_THAT(answer.grant().labels(), UnorderedElementsAre(Pair("team", "blue")));
  EXPECT_EQ(answer.grant().metadata().fields().at("plan").string_value(), "gold");
  EXPECT_EQ(ToTime(answer.grant().expire_time()), server_.clock().Now() + absl::Hours(24));
  EXPECT_THAT(answer.grant().allowed_cidrs(), ElementsAre("10.0.0.0/8", "2001:db8::/32"));
  EXPECT_THAT(answer.missing_scopes(), IsEmpty());
  EXPECT_GE(answer.revision(), issued_.info().revision());
  EXPECT_EQ(answer.epoch().size(), 16u);
  EXPECT_THAT(answer.explanation(), IsEmpty());
}

TEST_F(StoryTest, ADigestVerifiesAsItsKeyDoes) {
  v1::VerifyRequest by_digest = CheckFromInside({"orders:read"});
  const KeyHash hash = HashKey(issued_.key());
  by_digest.mutable_digest()->set_key_id(issued_.info().key_id());
  by_digest.mutable_digest()->set_sha256(std::string(AsBytes(hash.bytes)));
  EXPECT_TRUE(
      MessageDifferencer::Equals(Verify(by_digest), Verify(CheckFromInside({"orders:read"}))));
}

TEST_F(StoryTest, ABatchAnswersEachCheckInOrder) {
  v1::BatchVerifyRequest batch;
  *batch.add_checks() = CheckFromInside();
  *batch.add_checks() = CheckOf("garbage");
  *batch.add_checks() = CheckFromInside({"orders:delete"});
  batch.add_checks();
  *batch.add_checks() = CheckFromInside();
  const auto answer = root().Call(batch);
  ASSERT_THAT(answer, IsOk());
  ASSERT_EQ(answer->results_size(), 5);
  EXPECT_EQ(answer->results(0).response().code(), v1::VERIFY_CODE_VALID);
  EXPECT_EQ(answer->results(1).response().code(), v1::VERIFY_CODE_NOT_FOUND);
  EXPECT_EQ(answer->results(2).response().code(), v1::VERIFY_CODE_INSUFFICIENT_SCOPE);
  EXPECT_EQ(answer->results(3).error().reason(), "FIELD_REQUIRED");
  EXPECT_THAT(answer->results(3).error().message(), testing::HasSubstr("credential"));
  EXPECT_EQ(answer->results(4).response().code(), v1::VERIFY_CODE_VALID);
}

TEST_F(StoryTest, NarrowedScopesDenyAtOnce) {
  v1::UpdateScopesRequest request;
  request.set_key_id(issued_.info().key_id());
  request.add_remove("orders:write");
  server_.clock().Advance(absl::Minutes(1));
  const auto narrowed = root().Call(request);
  ASSERT_THAT(narrowed, IsOk());

  v1::Key expected = issued_.info();
  expected.clear_scopes();
  expected.add_scopes("orders:read");
  expected.set_revision(issued_.info().revision() + 1);
  SetTime(server_.clock().Now(), expected.mutable_update_time());
  EXPECT_TRUE(MessageDifferencer::Equals(narrowed->info(), expected));
  EXPECT_THAT(narrowed->added(), IsEmpty());
  EXPECT_THAT(narrowed->removed(), ElementsAre("orders:write"));

  const v1::VerifyResponse denied = Verify(CheckFromInside({"orders:read", "orders:write"}));
  EXPECT_FALSE(denied.valid());
  EXPECT_EQ(denied.code(), v1::VERIFY_CODE_INSUFFICIENT_SCOPE);
  EXPECT_THAT(denied.missing_scopes(), ElementsAre("orders:write"));
}

TEST_F(StoryTest, ADisabledKeyComesBackWhenItIsEnabled) {
  const v1::DisableKeyResponse disabled = Disable(issued_.info().key_id());
  EXPECT_EQ(disabled.info().state(), v1::KEY_STATE_DISABLED);
  EXPECT_EQ(Verify(CheckFromInside()).code(), v1::VERIFY_CODE_DISABLED);
  v1::EnableKeyRequest request;
  request.set_key_id(issued_.info().key_id());
  const auto enabled = root().Call(request);
  ASSERT_THAT(enabled, IsOk());
  EXPECT_EQ(enabled->info().state(), v1::KEY_STATE_ACTIVE);
  EXPECT_EQ(Verify(CheckFromInside()).code(), v1::VERIFY_CODE_VALID);
}

TEST_F(StoryTest, ARevokedKeySaysWhenAndWhy) {
  server_.clock().Advance(absl::Minutes(5));
  v1::RevokeKeyRequest request;
  request.set_key_id(issued_.info().key_id());
  request.set_reason(v1::REVOKE_REASON_COMPROMISED);
  request.set_note("seen in a log");
  const auto revoked = root().Call(request);
  ASSERT_THAT(revoked, IsOk());

  v1::Key expected = issued_.info();
  expected.set_state(v1::KEY_STATE_REVOKED);
  expected.set_revoke_reason(v1::REVOKE_REASON_COMPROMISED);
  expected.set_revoke_note("seen in a log");
  SetTime(server_.clock().Now(), expected.mutable_revoke_time());
  SetTime(server_.clock().Now(), expected.mutable_update_time());
  expected.set_revision(issued_.info().revision() + 1);
  EXPECT_TRUE(MessageDifferencer::Equals(revoked->info(), expected));
  EXPECT_EQ(revoked->propagation().revision(), expected.revision());
  EXPECT_EQ(revoked->propagation().outcome(), v1::PROPAGATION_OUTCOME_ALL_ACKED);
  EXPECT_EQ(revoked->propagation().acked_sessions(), 0);

  const v1::VerifyResponse denied = Verify(CheckFromInside());
  EXPECT_EQ(denied.code(), v1::VERIFY_CODE_REVOKED);
  EXPECT_FALSE(denied.has_grant());
}

TEST_F(StoryTest, AKeyExpiresAtItsTimeAndNotBefore) {
  server_.clock().Advance(absl::Hours(24) - absl::Nanoseconds(1));
  EXPECT_EQ(Verify(CheckFromInside()).code(), v1::VERIFY_CODE_VALID);
  EXPECT_EQ(Get(issued_.info().key_id()).state(), v1::KEY_STATE_ACTIVE);
  server_.clock().Advance(absl::Nanoseconds(1));
  EXPECT_EQ(Verify(CheckFromInside()).code(), v1::VERIFY_CODE_EXPIRED);
  EXPECT_EQ(Get(issued_.info().key_id()).state(), v1::KEY_STATE_EXPIRED);
}

}  // namespace
}  // namespace claviger
