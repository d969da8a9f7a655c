// Whether RocksDB's logs have every change that they should.
#ifndef CLAVIGER_STORAGE_ROCKSDB_LOG_CONTINUITY_H_
#define CLAVIGER_STORAGE_ROCKSDB_LOG_CONTINUITY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "core/revision.h"
#include "rocksdb/wal_filter.h"

namespace claviger {

// Looks on while RocksDB replays its logs at a start. RocksDB takes the end of each log for torn,
// also where the next log goes on, and skips what is zeros: changes from the middle of the history
// would be gone without an error, and with the newest revision in place. Each change has one row in
// family audit, and revisions are dense, so a gap shows.
//
// Thread safety: none; used by one start.
class LogContinuity final : public rocksdb::WalFilter {
 public:
  struct Gap {
    Revision before;
    Revision after;
    std::string log;  // that `after` was found in
  };

  // `stop_at_gap`: replays what is before a gap, instead of failing.
  explicit LogContinuity(bool stop_at_gap) : stop_at_gap_(stop_at_gap) {}

  const std::optional<Gap>& gap() const { return gap_; }
  // The oldest change in the logs; nullopt: there is none. The one before it must be in the tables.
  std::optional<Revision> first() const { return first_; }

  void ColumnFamilyLogNumberMap(const std::map<uint32_t, uint64_t>& log_numbers,
                                const std::map<std::string, uint32_t>& ids) override;
  WalProcessingOption LogRecordFound(unsigned long long log_number, const std::string& log,
                                     const rocksdb::WriteBatch& batch,
                                     rocksdb::WriteBatch* new_batch, bool* batch_changed) override;
  const char* Name() const override { return "claviger.LogContinuity"; }

 private:
  const bool stop_at_gap_;
  std::optional<uint32_t> audit_family_;
  std::optional<Revision> first_;
  Revision last_;
  std::optional<Gap> gap_;
};

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_LOG_CONTINUITY_H_
