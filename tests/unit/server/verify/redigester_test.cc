#include "server/verify/redigester.h"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/verify/verifier.h"
#include "storage/memory/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/support/store_testing.h"

namespace claviger {
namespace {

class IgnoreLookups final : public VerifyObserver {
 public:
  void OnRecordLookup(bool) override {}
};

// Keys on pepper p1, in a server that writes with p2.
class RedigesterTest : public ::testing::Test {
 protected:
  RedigesterTest()
      : peppers_(*PepperSet::Parse(Secret(Line("p2") + Line("p1")))),
        store_(*MemoryStore::Create({.clock = &clock_, .random = &random_, .commit = {}})),
        cache_(*store_, 1000),
        redigester_(*store_, peppers_, clock_),
        verifier_(cache_, peppers_, clock_, lookups_, &redigester_) {
    store_->AddListener(&cache_);
  }
  ~RedigesterTest() override { store_->Close(); }

  std::string Line(const std::string& id) {
    return std::string(PepperSet::GenerateLine(id, random_)->ExposeSecret());
  }

  // Stores key number `n` under `pepper`; returns the raw key.
  std::string Store(int n, const std::string& pepper = "p1", bool revoked = false,
                    std::string_view project_id = kDefaultProject) {
    const Secret raw = *GenerateKey("clv", Environment::kLive, TestKeyId(n), random_);
    KeyRecord key = TestKey(n, project_id);
    key.pepper_id = pepper;
    key.digest = *peppers_.Digest(pepper, key.id, HashKey(raw.ExposeSecret()));
    if (revoked) key.revocation = Revocation{.time = clock_.Now()};
    EXPECT_TRUE(CommitAndWait(*store_, Putting(key)).ok());
    return std::string(raw.ExposeSecret());
  }

  bool Matches(const std::string& raw_key) {
    return *verifier_.Match(CredentialOf(raw_key)) != nullptr;
  }
  // Returns when the changes that wait are made and answered.
  void Settle() { EXPECT_TRUE(CommitAndWait(*store_, Giving({})).ok()); }
  std::string PepperOf(int n) { return (*store_->FindKey(TestKeyId(n)))->pepper_id; }
  std::map<std::string, uint64_t> ByPepper() { return store_->Stats(clock_.Now())->keys_by_pepper; }

  FakeClock clock_;
  FakeRandom random_;
  PepperSet peppers_;
  std::unique_ptr<MemoryStore> store_;
  IgnoreLookups lookups_;
  RecordCache cache_;
  Redigester redigester_;
  Verifier verifier_;
};

TEST_F(RedigesterTest, AKeyGoesToTheWritingPepperWhenItIsUsed) {
  const std::string raw = Store(1);
  const std::string unused = Store(2);
  const absl::Time updated = (*store_->FindKey(TestKeyId(1)))->update_time;
  EXPECT_TRUE(Matches(raw));
  Settle();
  const auto key = *store_->FindKey(TestKeyId(1));
  EXPECT_EQ(key->pepper_id, "p2");
  EXPECT_TRUE(Equal(key->digest, *peppers_.Digest("p2", key->id, HashKey(raw))));
  EXPECT_EQ(key->update_time, updated) << "nobody changed it";
  EXPECT_EQ(PepperOf(2), "p1");
  EXPECT_TRUE(Matches(raw));
  EXPECT_TRUE(Matches(unused));
}

TEST_F(RedigesterTest, VerifiersAreToldNothing) {
  const std::string raw = Store(1);
  const Revision before = store_->applied_revision();
  EXPECT_TRUE(Matches(raw));
  Settle();
  const auto events = *store_->ReadEvents(before, 10);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_TRUE(events[0].keys.empty());
  EXPECT_TRUE(events[0].projects.empty());
}

TEST_F(RedigesterTest, AKeyOnTheWritingPepperIsLeftAlone) {
  const std::string raw = Store(1, "p2");
  const Revision before = store_->applied_revision();
  EXPECT_TRUE(Matches(raw));
  EXPECT_TRUE(Matches(raw));
  Settle();
  EXPECT_EQ(store_->applied_revision(), before);
}

TEST_F(RedigesterTest, AWrongSecretChangesNothing) {
  Store(1);
  const std::string wrong(
      GenerateKey("clv", Environment::kLive, TestKeyId(1), random_)->ExposeSecret());
  EXPECT_FALSE(Matches(wrong));
  Settle();
  EXPECT_EQ(PepperOf(1), "p1");
}

TEST_F(RedigesterTest, AKeyThatWasRevokedGoesTooAndStaysRevoked) {
  const std::string raw = Store(1, "p1", /*revoked=*/true);
  EXPECT_TRUE(Matches(raw));
  Settle();
  EXPECT_EQ(PepperOf(1), "p2");
  EXPECT_TRUE((*store_->FindKey(TestKeyId(1)))->revocation.has_value());
}

TEST_F(RedigesterTest, ManyChecksOfAKeyMakeOneChange) {
  const std::string raw = Store(1);
  const Revision before = store_->applied_revision();
  {
    WriterGate gate(*store_);
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(Matches(raw));
  }
  Settle();
  EXPECT_EQ(store_->applied_revision(), before.Next());
}

TEST_F(RedigesterTest, AKeyThatChangedMeanwhileKeepsItsChange) {
  const std::string raw = Store(1);
  KeyRecord changed = TestKey(1);
  changed.pepper_id = "p1";
  changed.digest.bytes.fill(7);
  {
    WriterGate gate(*store_);
    const PendingCommit first(*store_, Putting(changed));
    EXPECT_TRUE(Matches(raw));
  }
  Settle();
  EXPECT_EQ(PepperOf(1), "p1");
  EXPECT_EQ((*store_->FindKey(TestKeyId(1)))->digest.bytes[0], 7);
}

TEST_F(RedigesterTest, KeysOfADeletedProjectAreLeftAloneAndHoldUpNoOthers) {
  const std::string of_deleted = Store(1, "p1", /*revoked=*/false, "gone");
  const std::string other = Store(2);
  ProjectRecord gone = TestProject("gone");
  gone.delete_time = clock_.Now();
  ASSERT_TRUE(CommitAndWait(*store_, Putting(gone)).ok());
  EXPECT_TRUE(Matches(of_deleted));
  Settle();
  EXPECT_EQ(PepperOf(1), "p1");
  // At the same moment: nothing was refused, so nothing waits.
  EXPECT_TRUE(Matches(other));
  Settle();
  EXPECT_EQ(PepperOf(2), "p2");
}

TEST_F(RedigesterTest, ADisabledKeyStaysDisabled) {
  const std::string raw = Store(1);
  KeyRecord disabled = **store_->FindKey(TestKeyId(1));
  disabled.disabled = true;
  {
    WriterGate gate(*store_);
    const PendingCommit first(*store_, Putting(disabled));
    EXPECT_TRUE(Matches(raw));
  }
  Settle();
  EXPECT_EQ(PepperOf(1), "p2");
  EXPECT_TRUE((*store_->FindKey(TestKeyId(1)))->disabled);
}

TEST_F(RedigesterTest, WhatDoesNotFitTheQueueComesAgainAtTheNextCheck) {
  std::vector<std::string> raw_keys;
  for (int n = 1; n <= Redigester::kMaxWaiting + 10; ++n) raw_keys.push_back(Store(n));
  {
    WriterGate gate(*store_);
    for (const std::string& raw : raw_keys) EXPECT_TRUE(Matches(raw));
  }
  Settle();
  EXPECT_EQ(ByPepper()["p2"], static_cast<uint64_t>(Redigester::kMaxWaiting));
  for (const std::string& raw : raw_keys) EXPECT_TRUE(Matches(raw));
  Settle();
  EXPECT_EQ(ByPepper()["p1"], 0u);
}

TEST_F(RedigesterTest, AfterARefusalItWaitsAndTriesAgain) {
  const std::string raw = Store(1);
  int refused = 0;
  const auto failing = [&refused]() -> absl::StatusOr<KeyDigest> {
    ++refused;
    return absl::ResourceExhaustedError("no room");
  };
  const auto key = *verifier_.Find(TestKeyId(1));
  redigester_.Take(key, failing);
  Settle();
  EXPECT_EQ(refused, 1);
  EXPECT_TRUE(redigester_.IsDue(*key));
  EXPECT_TRUE(Matches(raw));
  Settle();
  EXPECT_EQ(PepperOf(1), "p1") << "not so soon";
  clock_.Advance(Redigester::kPauseAfterRefusal);
  EXPECT_TRUE(Matches(raw));
  Settle();
  EXPECT_EQ(PepperOf(1), "p2");
}

}  // namespace
}  // namespace claviger
