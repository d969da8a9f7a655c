// RocksDB with our families, and its errors as ours.
#ifndef CLAVIGER_STORAGE_ROCKSDB_DATABASE_H_
#define CLAVIGER_STORAGE_ROCKSDB_DATABASE_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rocksdb/db.h"
#include "storage/rocksdb/schema.h"
#include "storage/rocksdb/tuning.h"

namespace claviger {

inline rocksdb::Slice AsSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
inline std::string_view AsView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// Whether it says that what is stored cannot be read: damaged, or a file of it is gone.
bool IsDamage(const rocksdb::Status& status);

// DATA_LOSS `DATA_CORRUPT` for damage, UNAVAILABLE `STORE_UNAVAILABLE` for
// every other error. `action` completes "could not …".
absl::Status FromRocksDb(const rocksdb::Status& status, std::string_view action);

// An open database; closed when destroyed.
//
// Thread safety: all methods may be called from any thread at once.
class Database {
 public:
  // Makes the database in `dir`, mode 0700, where there is none. FAILED_PRECONDITION when it has
  // families that this version does not know.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& dir,
                                                        const Tuning& tuning);
  // Changes nothing in `dir`, where there is a database, and takes no writes.
  static absl::StatusOr<std::unique_ptr<Database>> OpenForReading(const std::string& dir,
                                                                  const Tuning& tuning);
  ~Database();

  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  rocksdb::DB& db() const { return *db_; }
  rocksdb::ColumnFamilyHandle* family(Family family) const {
    return families_[static_cast<size_t>(family)];
  }

  // Whether there is such a row; then `value` has it.
  absl::StatusOr<bool> Get(Family family, std::string_view row, rocksdb::PinnableSlice& value,
                           const rocksdb::ReadOptions& options = {}) const;
  std::unique_ptr<rocksdb::Iterator> NewIterator(Family family,
                                                 const rocksdb::ReadOptions& options) const;
  // Durable when it returns OK.
  absl::Status Write(rocksdb::WriteBatch& batch);

 private:
  static absl::StatusOr<std::unique_ptr<Database>> OpenAs(const std::string& dir,
                                                          const Tuning& tuning, bool for_reading);
  Database(const Tuning& tuning, std::unique_ptr<rocksdb::DB> db,
           std::vector<rocksdb::ColumnFamilyHandle*> families)
      : wal_filter_(tuning.wal_filter), db_(std::move(db)), families_(std::move(families)) {}

  const std::shared_ptr<rocksdb::WalFilter> wal_filter_;  // `db_` points to it
  const std::unique_ptr<rocksdb::DB> db_;
  const std::vector<rocksdb::ColumnFamilyHandle*> families_;  // owned; in the order of Family
};

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_DATABASE_H_
