#include "storage/rocksdb/tuning.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <memory>
#include <string>

#include "rocksdb/cache.h"
#include "rocksdb/convenience.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/table.h"
#include "rocksdb/write_buffer_manager.h"
#include "storage/rocksdb/request_expiry_filter.h"
#include "storage/rocksdb/schema.h"
#include "storage/rocksdb/usage_merge.h"

namespace claviger {
namespace {

constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kMinMemtableBytes = 4 * kMiB;
constexpr size_t kMaxArenaBlockBytes = 256 << 10;
// Every family has a block at least, and they count.
constexpr size_t kArenaBlocksPerMemtable = 32;
// Bounds the temporary space of a compaction: what it replaces goes when it has ended.
constexpr uint64_t kMaxCompactionBytes = 256 * kMiB;
constexpr uint64_t kMaxManifestBytes = 16 * kMiB;
// A shard must hold the largest index or filter block many times over: with a strict capacity, a
// block that does not fit fails the read.
constexpr size_t kMinCacheShardBytes = 32 * kMiB;
constexpr int kMaxCacheShardBits = 6;
constexpr int kMaxOpenFiles = 512;
constexpr int kNever = std::numeric_limits<int>::max();
constexpr double kBloomBitsPerKey = 10;
constexpr double kHashIndexUtilization = 0.75;
constexpr uint64_t kRequestCompactionSeconds = 3600;
constexpr uint64_t kUsageCompactionSeconds = 24 * 3600;

// One budget: blocks, indexes and filters are in it, memtables and table readers are charged to it.
std::shared_ptr<rocksdb::Cache> MakeCache(size_t memory_bytes) {
  const size_t shards = std::max<size_t>(memory_bytes / kMinCacheShardBytes, 1);
  rocksdb::LRUCacheOptions options;
  options.capacity = memory_bytes;
  options.strict_capacity_limit = true;
  options.num_shard_bits =
      std::min(static_cast<int>(std::bit_width(shards)) - 1, kMaxCacheShardBits);
  return rocksdb::NewLRUCache(options);
}

rocksdb::DBOptions MakeDbOptions(std::shared_ptr<rocksdb::Cache> cache, size_t memtable_bytes) {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  // The default, kPointInTimeRecovery, opens without an error at the state before a damaged record,
  // however old. This one forgives only a torn end, which was never acknowledged.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  // All families reach the disk at the same revision, so that a lost log leaves one older state and
  // not a mixture.
  options.atomic_flush = true;
  // Resuming after a background error can abort the process; the store stays read-only instead.
  options.max_bgerror_resume_count = 0;
  options.unordered_write = false;
  options.paranoid_checks = true;
  options.max_open_files = kMaxOpenFiles;
  options.max_background_jobs = 2;
  options.bytes_per_sync = kMiB;
  // Bounds what a start after a crash has to replay.
  options.max_total_wal_size = memtable_bytes;
  options.write_buffer_manager =
      std::make_shared<rocksdb::WriteBufferManager>(memtable_bytes, std::move(cache));
  // What is set aside in advance, tens of mebibytes for each file, would count as used.
  options.allow_fallocate = false;
  options.max_manifest_file_size = kMaxManifestBytes;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.max_log_file_size = 4 * kMiB;
  options.keep_log_file_num = 4;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

rocksdb::BlockBasedTableOptions MakeTableOptions(std::shared_ptr<rocksdb::Cache> cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = std::move(cache);
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.cache_usage_options.options_overrides[rocksdb::CacheEntryRole::kBlockBasedTableReader] = {
      .charged = rocksdb::CacheEntryRoleOptions::Decision::kEnabled};
  table.format_version = 5;
  return table;
}

void TuneForPointReads(rocksdb::BlockBasedTableOptions& table) {
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kBloomBitsPerKey));
  table.whole_key_filtering = true;
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  table.data_block_hash_table_util_ratio = kHashIndexUtilization;
}

bool IsReadByPoint(Family family) {
  return family == Family::kKeys || family == Family::kProjects || family == Family::kRequests ||
         family == Family::kImported || family == Family::kLastUsed;
}

rocksdb::CompressionType FastestCompression() {
  const auto supported = rocksdb::GetSupportedCompressions();
  const bool has_lz4 =
      std::find(supported.begin(), supported.end(), rocksdb::kLZ4Compression) != supported.end();
  return has_lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
}

}  // namespace

Tuning MakeTuning(size_t memory_bytes, const Clock& clock, absl::Duration usage_retention,
                  size_t memtable_bytes) {
  memtable_bytes =
      std::min({memory_bytes / 4, kMaxMemtableBytes, std::max(memtable_bytes, kMinMemtableBytes)});
  const std::shared_ptr<rocksdb::Cache> cache = MakeCache(memory_bytes);
  Tuning tuning;
  tuning.db = MakeDbOptions(cache, memtable_bytes);
  for (size_t i = 0; i < kFamilyNames.size(); ++i) {
    const auto family = static_cast<Family>(i);
    rocksdb::BlockBasedTableOptions table = MakeTableOptions(cache);
    if (IsReadByPoint(family)) TuneForPointReads(table);
    rocksdb::ColumnFamilyOptions options;
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    options.write_buffer_size = memtable_bytes / 2;
    options.arena_block_size =
        std::min(memtable_bytes / kArenaBlocksPerMemtable, kMaxArenaBlockBytes);
    options.max_compaction_bytes = kMaxCompactionBytes;
    // Nothing that taking access away waits for depends on compactions, which may themselves wait
    // for room on the disk, or have ended because of damage.
    options.level0_slowdown_writes_trigger = kNever;
    options.level0_stop_writes_trigger = kNever;
    options.soft_pending_compaction_bytes_limit = 0;
    options.hard_pending_compaction_bytes_limit = 0;
    options.level_compaction_dynamic_level_bytes = true;
    // Records of keys are mostly random, and are read one at a time.
    options.compression = family == Family::kKeys ? rocksdb::kNoCompression : FastestCompression();
    if (family == Family::kRequests) {
      options.compaction_filter_factory = std::make_shared<RequestExpiryFilterFactory>(clock);
      options.periodic_compaction_seconds = kRequestCompactionSeconds;
    }
    if (family == Family::kUsage) {
      options.merge_operator = MakeUsageMergeOperator();
      options.compaction_filter_factory =
          std::make_shared<UsageRetentionFilterFactory>(clock, usage_retention);
      options.periodic_compaction_seconds = kUsageCompactionSeconds;
    }
    tuning.families.emplace_back(std::string(kFamilyNames[i]), options);
  }
  return tuning;
}

rocksdb::WriteOptions DurableWrite() {
  rocksdb::WriteOptions options;
  options.sync = true;
  return options;
}

rocksdb::ReadOptions ScanRead() {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  return options;
}

}  // namespace claviger
