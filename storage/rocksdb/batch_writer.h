// Turns numbered changes into rows and writes them.
#ifndef CLAVIGER_STORAGE_ROCKSDB_BATCH_WRITER_H_
#define CLAVIGER_STORAGE_ROCKSDB_BATCH_WRITER_H_

#include <atomic>
#include <cstddef>
#include <functional>
#include <span>

#include "absl/status/status.h"
#include "rocksdb/write_batch.h"
#include "storage/group_committer.h"
#include "storage/rocksdb/codec.h"
#include "storage/rocksdb/database.h"
#include "storage/rocksdb/disk_guard.h"

namespace claviger {

// Writes each batch as one WriteBatch over all families, synced: records, indexes, events, audit
// entries and the state of the store are durable together or not at all.
//
// Thread safety: none; belongs to the writer thread.
class BatchWriter final : public CommitBackend {
 public:
  // Called with each revision that became durable.
  using DurableFunction = std::function<void(Revision)>;

  // `state` is the row `state` as it is in `database`, `has_imported_keys` whether its family
  // `imported` has rows. The references outlive this.
  BatchWriter(Database& database, const DiskGuard& disk, const PersistedState& state,
              bool has_imported_keys, size_t event_retention, DurableFunction on_durable);

  absl::Status Admit(Admission admission) override { return disk_.Admit(admission); }
  absl::Status Write(std::span<const NumberedChange> batch) override;

  // May be called from any thread. Stays true once it is.
  bool has_imported_keys() const { return has_imported_keys_.load(std::memory_order_acquire); }

 private:
  void AppendKeys(const NumberedChange& change, PersistedState& state,
                  rocksdb::WriteBatch& rows) const;
  // Makes the rows of `replaced` those of `key`; null: there is none.
  void AppendIndexRows(const KeyRecord* key, const KeyRecord* replaced,
                       rocksdb::WriteBatch& rows) const;
  // Whether it puts any row.
  bool AppendImported(const NumberedChange& change, rocksdb::WriteBatch& rows) const;
  void AppendOthers(const NumberedChange& change, rocksdb::WriteBatch& rows) const;
  void AppendHistory(const NumberedChange& change, PersistedState& state,
                     rocksdb::WriteBatch& rows) const;
  void TrimEvents(PersistedState& state, rocksdb::WriteBatch& rows) const;
  void Put(Family family, std::string_view row, std::string_view value,
           rocksdb::WriteBatch& rows) const;
  void DeleteUsage(const UsageSubject& subject, rocksdb::WriteBatch& rows) const;
  void Delete(Family family, std::string_view row, rocksdb::WriteBatch& rows) const;

  Database& database_;
  const DiskGuard& disk_;
  const size_t event_retention_;
  const DurableFunction on_durable_;
  PersistedState state_;  // as in the database
  std::atomic<bool> has_imported_keys_;
};

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_BATCH_WRITER_H_
