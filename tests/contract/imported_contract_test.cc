// Keys that were made elsewhere, by their digest.
#include "tests/contract/key_store_contract.h"

namespace claviger {
namespace {

class ImportedContractTest : public KeyStoreContract {
 protected:
  static KeyDigest DigestOf(int n) {
    KeyDigest digest;
    digest.bytes.fill(static_cast<uint8_t>(n));
    return digest;
  }
  // Key number `n` with digest number `n`.
  static KeyRecord Imported(int n) {
    KeyRecord key = TestKey(n);
    key.imported = ImportAlgorithm::kSha512;
    return key;
  }
  std::optional<KeyId> Find(int n) { return store().FindImported(DigestOf(n)).value(); }
};
INSTANTIATE_TEST_SUITE_P(Stores, ImportedContractTest, EveryStore(), NameOfStore);

TEST_P(ImportedContractTest, OnlyImportedKeysAreFoundByTheirDigest) {
  EXPECT_FALSE(store().has_imported_keys());
  ASSERT_TRUE(Commit(Putting(TestKey(1))).ok());
  EXPECT_EQ(Find(1), std::nullopt);
  EXPECT_FALSE(store().has_imported_keys());
  ASSERT_TRUE(Commit(Putting(Imported(2))).ok());
  EXPECT_EQ(Find(2), TestKeyId(2));
  EXPECT_EQ(Find(3), std::nullopt);
  EXPECT_TRUE(store().has_imported_keys());
  EXPECT_EQ(Key(2)->imported, ImportAlgorithm::kSha512);
}

TEST_P(ImportedContractTest, AChangeKeepsItAndAnotherDigestTakesItsPlace) {
  ASSERT_TRUE(Commit(Putting(Imported(1))).ok());
  KeyRecord key = Imported(1);
  key.disabled = true;
  ASSERT_TRUE(Commit(Putting(key)).ok());
  EXPECT_EQ(Find(1), TestKeyId(1));
  key.digest = DigestOf(9);  // under another pepper, say
  ASSERT_TRUE(Commit(Putting(key)).ok());
  EXPECT_EQ(Find(1), std::nullopt);
  EXPECT_EQ(Find(9), TestKeyId(1));
}

TEST_P(ImportedContractTest, ADeletedKeyIsFoundUntilItGoesForGood) {
  KeyRecord key = Imported(1);
  ASSERT_TRUE(Commit(Putting(key)).ok());
  key.delete_time = clock_.Now();
  ASSERT_TRUE(Commit(Putting(key)).ok());
  EXPECT_EQ(Find(1), TestKeyId(1));
  ChangeSet purge;
  purge.delete_keys = {key.id};
  ASSERT_TRUE(Commit(Giving(purge)).ok());
  EXPECT_EQ(Find(1), std::nullopt);
  // Its digest is free for another key.
  KeyRecord other = Imported(1);
  other.id = TestKeyId(2);
  ASSERT_TRUE(Commit(Putting(other)).ok());
  EXPECT_EQ(Find(1), TestKeyId(2));
}

TEST_P(ImportedContractTest, AMutationSeesWhatThoseBeforeItInTheBatchImported) {
  std::optional<KeyId> after_put;
  std::optional<KeyId> after_purge = TestKeyId(7);
  {
    WriterGate gate(store());
    KeyRecord deleted = Imported(1);
    deleted.delete_time = clock_.Now();
    PendingCommit put(store(), Putting(deleted));
    PendingCommit look(store(), [&](const StateReader& state) -> absl::StatusOr<ChangeSet> {
      after_put = state.FindImported(DigestOf(1)).value();
      return ChangeSet();
    });
    ChangeSet purge;
    purge.delete_keys = {deleted.id};
    PendingCommit purged(store(), Giving(purge));
    PendingCommit look_again(store(), [&](const StateReader& state) -> absl::StatusOr<ChangeSet> {
      after_purge = state.FindImported(DigestOf(1)).value();
      return ChangeSet();
    });
    gate.Open();
    ASSERT_TRUE(look_again.Wait().ok());
  }
  EXPECT_EQ(after_put, TestKeyId(1));
  EXPECT_EQ(after_purge, std::nullopt);
  EXPECT_EQ(Find(1), std::nullopt);
}

// Whoever listens tells verifiers, and may not tell them that there is none.
TEST_P(ImportedContractTest, AListenerThatIsToldOfOneFindsThatThereAreSome) {
  class Listener final : public CommitListener {
   public:
    explicit Listener(const KeyStore& store) : store_(store) {}
    void OnCommitted(std::span<const Committed> batch) override {
      for (const Committed& committed : batch) {
        for (const auto& key : committed.keys) {
          if (key->imported.has_value()) seen = store_.has_imported_keys();
        }
      }
    }
    bool seen = false;

   private:
    const KeyStore& store_;
  };
  Listener listener(store());
  store().AddListener(&listener);
  ASSERT_TRUE(Commit(Putting(Imported(1))).ok());
  EXPECT_TRUE(listener.seen);
  store().Close();
}

}  // namespace
}  // namespace claviger
