// Keys that were made elsewhere, known by the digest of their text.

#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/verify/verifier.h"
#include "storage/memory/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/support/store_testing.h"
#include "tests/unit/server/verify/blocking_store.h"

namespace claviger {
namespace {

class IgnoreLookups final : public VerifyObserver {
 public:
  void OnRecordLookup(bool) override {}
};

constexpr auto kSeesAll = [](const std::string&) { return true; };
constexpr std::string_view kText = "sk_live_51H8f0a";
constexpr std::string_view kOther = "sk_live_other";

class VerifierImportedTest : public ::testing::Test {
 protected:
  VerifierImportedTest()
      : peppers_(*PepperSet::Parse(
            Secret(std::string(PepperSet::GenerateLine("new", random_)->ExposeSecret()) +
                   std::string(PepperSet::GenerateLine("old", random_)->ExposeSecret())))),
        memory_(*MemoryStore::Create({.clock = &clock_, .random = &random_, .commit = {}})),
        store_(*memory_),
        cache_(store_, 1000),
        verifier_(cache_, peppers_, clock_, lookups_) {
    memory_->AddListener(&cache_);
  }
  ~VerifierImportedTest() override { memory_->Close(); }

  static ForeignCredential Digests(std::string_view sha256_of, std::string_view sha512_of) {
    ForeignCredential credential;
    if (!sha256_of.empty()) credential.sha256 = HashKey(sha256_of);
    if (!sha512_of.empty()) credential.sha512 = Sha512(sha512_of);
    return credential;
  }

  KeyRecord Import(int n, std::string_view text, ImportAlgorithm algorithm,
                   const std::string& pepper_id = "new") {
    KeyRecord key = TestKey(n);
    key.imported = algorithm;
    key.pepper_id = pepper_id;
    const KeyHash sha256 = HashKey(text);
    const Sha512Bytes sha512 = Sha512(text);
    key.digest = *peppers_.ImportedDigest(
        pepper_id, algorithm,
        algorithm == ImportAlgorithm::kSha256 ? AsBytes(sha256.bytes) : AsBytes(sha512));
    EXPECT_TRUE(CommitAndWait(*memory_, Putting(key)).ok());
    return key;
  }

  VerifyOutcome Check(const ShownCredential& shown) {
    return *verifier_.Check(shown, {}, kSeesAll);
  }
  VerifyCode CodeOf(const ShownCredential& shown) { return Check(shown).code; }
  VerifyCode CodeOf(std::string_view text) { return CodeOf(ShownCredentialOf(text)); }

  FakeClock clock_;
  FakeRandom random_;
  PepperSet peppers_;
  std::unique_ptr<MemoryStore> memory_;
  BlockingStore store_;
  IgnoreLookups lookups_;
  RecordCache cache_;
  Verifier verifier_;
};

TEST_F(VerifierImportedTest, WhileThereIsNoneNothingIsLookedFor) {
  EXPECT_EQ(CodeOf(kText), VerifyCode::kNotFound);
  EXPECT_EQ(store_.imported_lookups(), 0);
}

TEST_F(VerifierImportedTest, AKeyIsGoodByItsTextAndByEitherDigestUnderAnyPepper) {
  int n = 0;
  for (const ImportAlgorithm algorithm : {ImportAlgorithm::kSha256, ImportAlgorithm::kSha512}) {
    for (const std::string& pepper_id : peppers_.ids()) {
      const std::string text = "text " + std::to_string(++n);
      Import(n, text, algorithm, pepper_id);
      EXPECT_EQ(CodeOf(text), VerifyCode::kValid) << n;
      EXPECT_EQ(Check(ShownCredentialOf(text)).key->record().id, TestKeyId(n));
      EXPECT_EQ(CodeOf(Digests(text, text)), VerifyCode::kValid) << n;
      const bool by_256 = algorithm == ImportAlgorithm::kSha256;
      EXPECT_EQ(CodeOf(Digests(text, "")), by_256 ? VerifyCode::kValid : VerifyCode::kNotFound);
      EXPECT_EQ(CodeOf(Digests("", text)), by_256 ? VerifyCode::kNotFound : VerifyCode::kValid);
      EXPECT_EQ(CodeOf(text + "x"), VerifyCode::kNotFound);
    }
  }
}

TEST_F(VerifierImportedTest, ARepeatedCheckCostsNoRead) {
  for (const ImportAlgorithm algorithm : {ImportAlgorithm::kSha256, ImportAlgorithm::kSha512}) {
    const int n = static_cast<int>(algorithm);
    const std::string text = "text " + std::to_string(n);
    Import(n, text, algorithm);
    ASSERT_EQ(CodeOf(text), VerifyCode::kValid);
    const int lookups = store_.imported_lookups();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(CodeOf(text), VerifyCode::kValid);
    EXPECT_EQ(store_.imported_lookups(), lookups);
  }
}

TEST_F(VerifierImportedTest, ARevokeCountsAtOnceAlsoWhereTheKeyIsRemembered) {
  KeyRecord key = Import(1, kText, ImportAlgorithm::kSha256);
  ASSERT_EQ(CodeOf(kText), VerifyCode::kValid);
  key.revocation =
      Revocation{.time = clock_.Now(), .reason = RevokeReason::kCompromised, .note = {}};
  ASSERT_TRUE(CommitAndWait(*memory_, Putting(key)).ok());
  EXPECT_EQ(CodeOf(kText), VerifyCode::kRevoked);
  key.delete_time = clock_.Now();
  ASSERT_TRUE(CommitAndWait(*memory_, Putting(key)).ok());
  ChangeSet purge;
  purge.delete_keys = {key.id};
  ASSERT_TRUE(CommitAndWait(*memory_, Giving(purge)).ok());
  EXPECT_EQ(CodeOf(kText), VerifyCode::kNotFound);
  Import(2, kText, ImportAlgorithm::kSha256);
  EXPECT_EQ(CodeOf(kText), VerifyCode::kValid) << "the old hint leads nowhere, and is no harm";
}

// Nothing proves that the two digests which a caller sends are of one text.
TEST_F(VerifierImportedTest, ADigestBesideTheRightOneIsNotRemembered) {
  Import(1, kText, ImportAlgorithm::kSha512);
  ASSERT_EQ(CodeOf(Digests(kOther, kText)), VerifyCode::kValid);
  EXPECT_EQ(CodeOf(kOther), VerifyCode::kNotFound);
  EXPECT_EQ(CodeOf(Digests(kOther, "")), VerifyCode::kNotFound);
}

TEST_F(VerifierImportedTest, ItsKeyIdAndDigestAreNoKeyOfOurs) {
  Import(1, kText, ImportAlgorithm::kSha256);
  ASSERT_EQ(CodeOf(kText), VerifyCode::kValid);
  EXPECT_EQ(CodeOf(Credential{TestKeyId(1), HashKey(kText)}), VerifyCode::kNotFound);
}

// It was answered NOT_FOUND when it left the old pepper after a look under the new one and before
// the look under the old one.
TEST_F(VerifierImportedTest, AKeyWhosePepperIsChangedDuringItsCheckIsGood) {
  for (const ImportAlgorithm algorithm : {ImportAlgorithm::kSha256, ImportAlgorithm::kSha512}) {
    // By its text a SHA-512 is looked for after the SHA-256: 2 peppers each.
    for (int moment = 0; moment < 4; ++moment) {
      const int n = moment + 10 * static_cast<int>(algorithm);
      const std::string text = "text " + std::to_string(n);
      Import(n, text, algorithm, "old");
      const int first = store_.imported_lookups();
      store_.BeforeFindImported([&](int lookups) {
        if (lookups - first == moment) Import(n, text, algorithm, "new");
      });
      EXPECT_EQ(CodeOf(text), VerifyCode::kValid) << n;
      store_.BeforeFindImported(nullptr);
      EXPECT_EQ(CodeOf(text), VerifyCode::kValid) << n;
    }
  }
}

TEST_F(VerifierImportedTest, AFaultOfTheStoreIsNoDenial) {
  Import(1, kText, ImportAlgorithm::kSha256);
  store_.FailWith(absl::UnavailableError("no disk"));
  EXPECT_EQ(verifier_.Check(ShownCredentialOf(kOther), {}, kSeesAll).status().code(),
            absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace claviger
