// The state that a mutation sees: what is committed, and the changes before it in the same batch.
#ifndef CLAVIGER_STORAGE_OVERLAY_READER_H_
#define CLAVIGER_STORAGE_OVERLAY_READER_H_

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "storage/key_store.h"
#include "storage/numbered_change.h"

namespace claviger {

// Reads a base state under a growing list of changes. Remembers the keys and projects it read:
// nothing else changes the base while a batch is put together.
//
// Thread safety: none; belongs to the writer thread for one batch.
class OverlayReader final : public StateReader {
 public:
  // `base` outlives this.
  explicit OverlayReader(const StateReader& base) : base_(base) {}

  // Puts `change` over what was there.
  void Apply(const NumberedChange& change);

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
  const StateReader& base_;
  // Null: known to be absent.
  mutable absl::flat_hash_map<KeyId, std::shared_ptr<const KeyRecord>> keys_;
  mutable absl::flat_hash_map<std::string, std::shared_ptr<const ProjectRecord>> projects_;
  // By digest; nullopt: gone.
  absl::flat_hash_map<Sha256Bytes, std::optional<KeyId>> imported_;
  absl::flat_hash_set<std::string> projects_with_keys_;
  absl::flat_hash_map<std::string, std::shared_ptr<const RequestRecord>> requests_;
  std::map<std::string, std::optional<KeyDigest>> canaries_;
  std::optional<absl::Duration> longest_lease_;
};

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_OVERLAY_READER_H_
