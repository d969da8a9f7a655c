// The floor under IssueKey: the disk alone.
#ifndef CLAVIGER_TESTS_BENCH_ISSUE_FLOOR_H_
#define CLAVIGER_TESTS_BENCH_ISSUE_FLOOR_H_

#include <array>
#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/rocksdb/database.h"
#include "storage/rocksdb/schema.h"

namespace claviger::bench {

// What one issued key writes to a family.
struct RowSize {
  size_t key_bytes = 0;  // 0: nothing
  size_t value_bytes = 0;
};

// By Family; of `meta` the one row that each batch writes.
using RowSizes = std::array<RowSize, kFamilyNames.size()>;

// The mean sizes of the newest rows in a store that has issued keys, which no one has open.
absl::StatusOr<RowSizes> MeasureRowSizes(const std::string& data_dir);

// Writes rows of those sizes into a database of its own, with the store's own tuning, as one synced
// batch after the other. Nothing else: no RPC, no records, no history, no reads.
class IssueFloor {
 public:
  static absl::StatusOr<std::unique_ptr<IssueFloor>> Open(const std::string& dir,
                                                          const RowSizes& sizes);

  // Keys per second, over `duration`, with `group` keys in a batch on average.
  absl::StatusOr<double> Run(double group, absl::Duration duration);

 private:
  IssueFloor(std::unique_ptr<Database> database, const RowSizes& sizes);

  void AppendKey(rocksdb::WriteBatch& rows);

  const std::unique_ptr<Database> database_;
  const RowSizes sizes_;
  const std::string bytes_;
  uint64_t number_ = 0;
};

}  // namespace claviger::bench

#endif  // CLAVIGER_TESTS_BENCH_ISSUE_FLOOR_H_
