#include "storage/rocksdb/audit_chain.h"

#include "core/status.h"
#include "gmock/gmock.h"
#include "storage/rocksdb/codec.h"
#include "storage/rocksdb/request_expiry_filter.h"
#include "tests/unit/storage/full_records.h"
#include "tests/unit/storage/rocksdb_testing.h"

namespace claviger {
namespace {

class AuditChainTest : public RocksDbStoreTesting {
 protected:
  static constexpr uint64_t kEntries = 4;

  void SetUp() override {
    MakeStore(kEntries);
    database_ = OpenRaw();
    ASSERT_NE(database_, nullptr);
  }

  std::string Entry(uint64_t revision) {
    rocksdb::PinnableSlice value;
    EXPECT_TRUE(database_->Get(Family::kAudit, RevisionRow({revision}), value).value());
    return value.ToString();
  }
  Sha256Bytes HashOf(uint64_t revision) {
    return HashAuditEntry(DecodeAuditEntry(Revision{revision}, Entry(revision)).value());
  }
  void PutEntry(uint64_t revision, const std::string& value) {
    rocksdb::WriteBatch rows;
    ASSERT_TRUE(rows.Put(database_->family(Family::kAudit), RevisionRow({revision}), value).ok());
    ASSERT_TRUE(database_->Write(rows).ok());
  }
  void RemoveEntry(uint64_t revision) {
    rocksdb::WriteBatch rows;
    ASSERT_TRUE(rows.Delete(database_->family(Family::kAudit), RevisionRow({revision})).ok());
    ASSERT_TRUE(database_->Write(rows).ok());
  }

  std::unique_ptr<Database> database_;
};

TEST_F(AuditChainTest, UntouchedLogVerifies) {
  const auto head = VerifyAuditChain(*database_);
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_EQ(head->revision, Revision{kEntries});
  EXPECT_EQ(head->hash, HashOf(kEntries));
}

TEST_F(AuditChainTest, EntryHasActorActionAndTime) {
  const auto entry = DecodeAuditEntry(Revision{2}, Entry(2)).value();
  EXPECT_EQ(entry.draft.actor, "system");
  EXPECT_EQ(entry.draft.action, "IssueKey");
  EXPECT_EQ(entry.draft.key_id, TestKeyId(2).ToString());
  EXPECT_EQ(entry.time, clock_.Now());
  EXPECT_EQ(entry.previous_hash, HashOf(1));
}

TEST_F(AuditChainTest, EveryChangedBitIsFound) {
  for (uint64_t revision = 1; revision <= kEntries; ++revision) {
    const std::string original = Entry(revision);
    for (size_t i = 0; i < 8 * original.size(); ++i) {
      std::string changed = original;
      changed[i / 8] = static_cast<char>(changed[i / 8] ^ 1 << i % 8);
      PutEntry(revision, changed);
      EXPECT_FALSE(VerifyAuditChain(*database_).ok()) << "entry " << revision << ", bit " << i;
    }
    PutEntry(revision, original);
  }
  EXPECT_TRUE(VerifyAuditChain(*database_).ok());
}

TEST_F(AuditChainTest, EveryRemovedEntryIsFound) {
  for (uint64_t revision = 1; revision <= kEntries; ++revision) {
    const std::string original = Entry(revision);
    RemoveEntry(revision);
    EXPECT_EQ(VerifyAuditChain(*database_).status().code(), absl::StatusCode::kDataLoss)
        << "entry " << revision;
    PutEntry(revision, original);
  }
}

TEST_F(AuditChainTest, EntriesInEachOthersPlaceAreFound) {
  const std::string second = Entry(2);
  PutEntry(2, Entry(3));
  PutEntry(3, second);
  EXPECT_EQ(VerifyAuditChain(*database_).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(AuditChainTest, TheSameFieldsInOtherBytesAreFound) {
  // An empty text written out: a parser reads the same fields from it.
  PutEntry(2, Entry(2) + std::string("\x42\x00", 2));
  EXPECT_EQ(VerifyAuditChain(*database_).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(AuditChainTest, ReadingMissesWhatIsMissing) {
  RemoveEntry(3);
  EXPECT_EQ(ReadAuditRows(*database_, Revision{0}, 10).status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReadAuditRows(*database_, Revision{2}, 10).status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReadAuditRowsBackwards(*database_, Revision{4}, 10).status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReadAuditRowsBackwards(*database_, Revision{99}, 10).status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReadAuditRows(*database_, Revision{0}, 2).value().size(), 2u);
  RemoveEntry(4);
  EXPECT_EQ(ReadAuditRows(*database_, Revision{2}, 10).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST_F(AuditChainTest, AddedEntryIsFound) {
  AuditEntry forged = DecodeAuditEntry(Revision{kEntries}, Entry(kEntries)).value();
  forged.revision = Revision{kEntries + 1};
  forged.previous_hash = HashOf(kEntries);
  PutEntry(kEntries + 1, EncodeAuditEntry(forged));
  EXPECT_EQ(VerifyAuditChain(*database_).status().code(), absl::StatusCode::kDataLoss);
}

TEST(RequestExpiryFilterTest, DropsWhatExpiredAndKeepsWhatItCannotRead) {
  FakeClock clock;
  RequestExpiryFilterFactory factory(clock);
  const auto drops = [&](absl::Time expire_time, std::string_view spoiled) {
    RequestRecord request = FullRequest();
    request.expire_time = expire_time;
    const std::string value = spoiled.empty() ? EncodeRequest(request) : std::string(spoiled);
    const auto filter = factory.CreateCompactionFilter({});
    std::string new_value;
    bool changed = false;
    return filter->Filter(0, request.id, value, &new_value, &changed);
  };
  EXPECT_TRUE(drops(clock.Now(), ""));
  EXPECT_FALSE(drops(clock.Now() + absl::Nanoseconds(1), ""));
  EXPECT_FALSE(drops(clock.Now(), "damaged"));
}

}  // namespace
}  // namespace claviger
