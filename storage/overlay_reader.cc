#include "storage/overlay_reader.h"

namespace claviger {

void OverlayReader::Apply(const NumberedChange& change) {
  for (const ImportedIndexRow& row : ImportedIndexRowsOf(change))
    imported_[row.digest.bytes] = row.id;
  for (const auto& key : change.committed.keys) {
    keys_[key->id] = key;
    projects_with_keys_.insert(key->project_id);
  }
  for (const auto& key : change.committed.deleted_keys) keys_[key->id] = nullptr;
  for (const std::string& id : change.committed.deleted_projects) projects_[id] = nullptr;
  for (const auto& project : change.committed.projects) projects_[project->project_id] = project;
  if (change.request != nullptr) requests_[change.request->id] = change.request;
  for (const std::string& id : change.deleted_canaries) canaries_[id] = std::nullopt;
  for (const auto& [pepper_id, digest] : change.canaries) canaries_[pepper_id] = digest;
  if (change.longest_lease.has_value()) longest_lease_ = change.longest_lease;
}

absl::StatusOr<std::shared_ptr<const KeyRecord>> OverlayReader::FindKey(const KeyId& id) const {
  if (const auto it = keys_.find(id); it != keys_.end()) return it->second;
  auto found = base_.FindKey(id);
  if (found.ok()) keys_.emplace(id, *found);
  return found;
}

absl::StatusOr<std::shared_ptr<const ProjectRecord>> OverlayReader::FindProject(
    const std::string& project_id) const {
  if (const auto it = projects_.find(project_id); it != projects_.end()) return it->second;
  auto found = base_.FindProject(project_id);
  if (found.ok()) projects_.emplace(project_id, *found);
  return found;
}

absl::StatusOr<std::optional<KeyId>> OverlayReader::FindImported(const KeyDigest& digest) const {
  if (const auto it = imported_.find(digest.bytes); it != imported_.end()) return it->second;
  return base_.FindImported(digest);
}

absl::StatusOr<bool> OverlayReader::ProjectHasKeys(const std::string& project_id) const {
  if (projects_with_keys_.contains(project_id)) return true;
  return base_.ProjectHasKeys(project_id);
}

absl::StatusOr<std::shared_ptr<const RequestRecord>> OverlayReader::FindRequest(
    const std::string& id, absl::Time now) const {
  const auto it = requests_.find(id);
  if (it == requests_.end()) return base_.FindRequest(id, now);
  if (it->second->expire_time <= now) return nullptr;
  return it->second;
}

absl::StatusOr<std::map<std::string, KeyDigest>> OverlayReader::Canaries() const {
  auto canaries = base_.Canaries();
  if (canaries.ok()) {
    for (const auto& [pepper_id, digest] : canaries_) {
      canaries->erase(pepper_id);
      if (digest.has_value()) canaries->emplace(pepper_id, *digest);
    }
  }
  return canaries;
}

absl::StatusOr<absl::Duration> OverlayReader::LongestLease() const {
  if (longest_lease_.has_value()) return *longest_lease_;
  return base_.LongestLease();
}

}  // namespace claviger
