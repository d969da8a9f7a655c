// Ids that nobody was given: anybody can make them up, as fast as the network carries them.

#include <string>
#include <utility>
#include <vector>

#include "rocksdb/perf_context.h"
#include "rocksdb/perf_level.h"
#include "tests/unit/storage/rocksdb_testing.h"

namespace claviger {
namespace {

constexpr int kKeys = 20'000;
constexpr int kKeysPerCommit = 1'000;

class UnknownIdsTest : public RocksDbStoreTesting {
 protected:
  // With all keys in table files.
  std::unique_ptr<RocksDbStore> OpenFilled() {
    {
      const auto store = Open();
      for (int n = 1; n <= kKeys;) {
        ChangeSet changes;
        for (int i = 0; i < kKeysPerCommit; ++i) changes.put_keys.push_back(TestKey(n++));
        EXPECT_TRUE(CommitAndWait(*store, Giving(changes)).ok());
      }
    }
    {
      const auto raw = OpenRaw();
      EXPECT_TRUE(raw->db().Flush(rocksdb::FlushOptions(), raw->family(Family::kKeys)).ok());
    }
    auto store = Open();
    EXPECT_FALSE(DbFiles(".sst").empty());
    return store;
  }
};

TEST_F(UnknownIdsTest, FewOfThemAreLookedForInATableFile) {
  const auto store = OpenFilled();
  ASSERT_NE(*store->FindKey(TestKeyId(1)), nullptr);
  rocksdb::SetPerfLevel(rocksdb::PerfLevel::kEnableCount);
  rocksdb::get_perf_context()->Reset();
  for (int n = 1; n <= kKeys; ++n) ASSERT_EQ(*store->FindKey(TestKeyId(1'000'000 + n)), nullptr);
  // What the filter let through; it is made to err for one in a hundred.
  EXPECT_LT(rocksdb::get_perf_context()->bloom_sst_hit_count, kKeys * 3 / 100);
  EXPECT_GE(rocksdb::get_perf_context()->bloom_sst_miss_count, kKeys * 97 / 100);
  rocksdb::get_perf_context()->Reset();
  for (int n = 1; n <= 100; ++n) ASSERT_NE(*store->FindKey(TestKeyId(n)), nullptr);
  EXPECT_GE(rocksdb::get_perf_context()->bloom_sst_hit_count, 100u) << "what is there passes it";
  rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable);
}

}  // namespace
}  // namespace claviger
