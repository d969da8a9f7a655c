// The rows by which lists find keys: what a key has, and where a scan reads.
#ifndef CLAVIGER_STORAGE_ROCKSDB_INDEX_ROWS_H_
#define CLAVIGER_STORAGE_ROCKSDB_INDEX_ROWS_H_

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/key_record.h"
#include "storage/key_store.h"
#include "storage/rocksdb/schema.h"

namespace claviger {

// A row without a value.
struct IndexRow {
  Family family = Family::kByProject;
  std::string row;

  friend auto operator<=>(const IndexRow&, const IndexRow&) = default;
};

// The rows of `key` in by_project, by_owner, by_label and by_delete, sorted.
std::vector<IndexRow> IndexRowsOf(const KeyRecord& key);
// Whether two records of one key have the same rows there; its project and create time never
// change.
bool HaveSameIndexRows(const KeyRecord& a, const KeyRecord& b);

// The row of `key` in by_expiry, where it has one, and that row's value.
std::optional<std::string> ExpiryRowOf(const KeyRecord& key);
std::string_view ExpiryValueOf(const KeyRecord& key);

// Rows from `begin` to below `end`. Rows by create time are `begin` and then the place.
struct IndexRange {
  Family family = Family::kByProject;
  std::string begin;
  std::string end;
};

// Where `scan` reads.
IndexRange RangeOf(const KeyScan& scan);

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_INDEX_ROWS_H_
