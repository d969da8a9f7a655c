#include "server/verify/verifier.h"

#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/memory/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/support/store_testing.h"
#include "tests/unit/server/verify/blocking_store.h"

namespace claviger {
namespace {

class CountLookups final : public VerifyObserver {
 public:
  void OnRecordLookup(bool hit) override { ++(hit ? hits : misses); }

  int hits = 0;
  int misses = 0;
};

constexpr auto kSeesAll = [](const std::string&) { return true; };

class VerifierTest : public ::testing::Test {
 protected:
  VerifierTest()
      : peppers_(*PepperSet::Parse(*PepperSet::GenerateLine("p1", random_))),
        memory_(*MemoryStore::Create({.clock = &clock_, .random = &random_, .commit = {}})),
        store_(*memory_),
        cache_(store_, 1000),
        verifier_(cache_, peppers_, clock_, lookups_) {
    raw_key_ =
        std::string(GenerateKey("clv", Environment::kLive, TestKeyId(1), random_)->ExposeSecret());
    KeyRecord key = TestKey(1);
    key.digest = *peppers_.Digest("p1", key.id, HashKey(raw_key_));
    key.scopes = ScopeSet::FromTrusted({"a"});
    EXPECT_TRUE(CommitAndWait(*memory_, Putting(key)).ok());
  }
  ~VerifierTest() override { memory_->Close(); }

  VerifyCode CodeOf(std::string_view raw_key, const Requirements& wanted = {}) {
    return verifier_.Check(ShownCredentialOf(raw_key), wanted, kSeesAll)->code;
  }

  FakeClock clock_;
  FakeRandom random_;
  PepperSet peppers_;
  std::unique_ptr<MemoryStore> memory_;
  BlockingStore store_;
  CountLookups lookups_;
  RecordCache cache_;
  Verifier verifier_;
  std::string raw_key_;
};

TEST_F(VerifierTest, AKeyIsGoodByItsTextAndByItsDigest) {
  EXPECT_EQ(CodeOf(raw_key_), VerifyCode::kValid);
  EXPECT_EQ(CodeOf(raw_key_), VerifyCode::kValid);
  const Credential digest{TestKeyId(1), HashKey(raw_key_)};
  EXPECT_EQ(verifier_.Check(digest, {}, kSeesAll)->code, VerifyCode::kValid);
  EXPECT_EQ(lookups_.misses, 1);
  EXPECT_EQ(lookups_.hits, 2);
}

TEST_F(VerifierTest, GarbageIsAnsweredWithoutALookup) {
  store_.FailWith(absl::InternalError("must not be asked"));
  for (const std::string& text : {std::string(), std::string("garbage"), raw_key_ + "x",
                                  raw_key_.substr(1), std::string(1000, 'x')}) {
    EXPECT_EQ(CodeOf(text), VerifyCode::kNotFound) << text;
  }
  EXPECT_EQ(lookups_.hits + lookups_.misses, 0);
}

TEST_F(VerifierTest, AWrongSecretReadsTheStoreAsAnUnknownIdDoes) {
  EXPECT_EQ(CodeOf(raw_key_), VerifyCode::kValid);
  const auto any_key_with = [this](const KeyId& id) {
    return std::string(GenerateKey("clv", Environment::kLive, id, random_)->ExposeSecret());
  };
  const int before = store_.key_lookups();
  EXPECT_EQ(CodeOf(any_key_with(TestKeyId(1))), VerifyCode::kNotFound);
  EXPECT_EQ(store_.key_lookups(), before + 1);
  EXPECT_EQ(CodeOf(any_key_with(TestKeyId(2))), VerifyCode::kNotFound);
  EXPECT_EQ(store_.key_lookups(), before + 2);

  store_.FailWith(absl::UnavailableError("cannot be read"));
  for (const int id : {1, 2}) {
    const Credential shown{TestKeyId(id), HashKey(any_key_with(TestKeyId(id)))};
    EXPECT_EQ(verifier_.Check(shown, {}, kSeesAll).status().code(), absl::StatusCode::kUnavailable)
        << id;
  }
  EXPECT_EQ(CodeOf(raw_key_), VerifyCode::kValid);
}

TEST_F(VerifierTest, AWrongSecretIsNotFoundAlsoAfterTheRightOneWasRemembered) {
  const std::string wrong(
      GenerateKey("clv", Environment::kLive, TestKeyId(1), random_)->ExposeSecret());
  EXPECT_EQ(CodeOf(wrong), VerifyCode::kNotFound);
  EXPECT_EQ(CodeOf(raw_key_), VerifyCode::kValid);
  EXPECT_EQ(CodeOf(wrong), VerifyCode::kNotFound);
}

TEST_F(VerifierTest, AKeyOutOfSightOrOfAnotherProjectIsNotShown) {
  const auto unseen =
      verifier_.Check(ShownCredentialOf(raw_key_), {}, [](const std::string&) { return false; });
  EXPECT_EQ(unseen->code, VerifyCode::kNotFound);
  EXPECT_EQ(unseen->key, nullptr);
  Requirements elsewhere;
  elsewhere.project_id = "elsewhere";
  const auto foreign = verifier_.Check(ShownCredentialOf(raw_key_), elsewhere, kSeesAll);
  EXPECT_EQ(foreign->code, VerifyCode::kNotFound);
  EXPECT_EQ(foreign->key, nullptr);
  EXPECT_EQ(foreign->revision, cache_.applied_revision());
}

TEST_F(VerifierTest, AStoreThatCannotAnswerIsAnErrorAndNotADenial) {
  store_.FailWith(absl::UnavailableError("no disk"));
  EXPECT_EQ(verifier_.Check(ShownCredentialOf(raw_key_), {}, kSeesAll).status(),
            absl::UnavailableError("no disk"));
}

TEST_F(VerifierTest, AKeyOfAPepperThatIsGoneIsAnErrorAndNotADenial) {
  KeyRecord key = TestKey(2);
  key.pepper_id = "p0";
  EXPECT_TRUE(CommitAndWait(*memory_, Putting(key)).ok());
  const Credential credential{TestKeyId(2), HashKey("x")};
  EXPECT_EQ(verifier_.Check(credential, {}, kSeesAll).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(VerifierTest, ARevokedKeyOfAPepperThatIsGoneIsNotFound) {
  KeyRecord key = TestKey(2);
  key.pepper_id = "p0";
  key.revocation = Revocation{.time = clock_.Now()};
  EXPECT_TRUE(CommitAndWait(*memory_, Putting(key)).ok());
  const Credential credential{TestKeyId(2), HashKey("x")};
  EXPECT_EQ(verifier_.Check(credential, {}, kSeesAll)->code, VerifyCode::kNotFound);
}

}  // namespace
}  // namespace claviger
