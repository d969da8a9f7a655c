// Point reads.
#ifndef CLAVIGER_STORAGE_ROCKSDB_READER_H_
#define CLAVIGER_STORAGE_ROCKSDB_READER_H_

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "storage/key_store.h"
#include "storage/rocksdb/database.h"

namespace claviger {

// The committed state.
//
// Thread safety: all methods may be called from any thread at once.
class RocksDbReader final : public StateReader {
 public:
  // `database` outlives this.
  explicit RocksDbReader(const Database& database) : database_(database) {}

  absl::StatusOr<std::shared_ptr<const KeyRecord>> FindKey(const KeyId& id) const override;
  absl::StatusOr<std::shared_ptr<const ProjectRecord>> FindProject(
      const std::string& project_id) const override;
  absl::StatusOr<std::optional<KeyId>> FindImported(const KeyDigest& digest) const override;
  absl::StatusOr<bool> ProjectHasKeys(const std::string& project_id) const override;
  absl::StatusOr<std::shared_ptr<const RequestRecord>> FindRequest(const std::string& id,
                                                                   absl::Time now) const override;
  absl::StatusOr<std::map<std::string, KeyDigest>> Canaries() const override;
  absl::StatusOr<absl::Duration> LongestLease() const override;

 private:
  const Database& database_;
};

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_READER_H_
