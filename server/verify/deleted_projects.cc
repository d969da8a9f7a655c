#include "server/verify/deleted_projects.h"

#include <algorithm>

#include "absl/hash/hash.h"

namespace claviger {
namespace {

constexpr size_t kBitsPerWord = 64;

// Where a project's bit is: word and mask.
struct FilterPlace {
  size_t word;
  uint64_t mask;
};

FilterPlace PlaceOf(const std::string& project_id, size_t words) {
  const size_t bit = absl::HashOf(project_id) % (words * kBitsPerWord);
  return {bit / kBitsPerWord, uint64_t{1} << (bit % kBitsPerWord)};
}

}  // namespace

std::optional<absl::Time> DeletedProjects::Search(const KeyRecord& key) const {
  if (key.project_id != kManagementProject) return DeleteTimeOf(key.project_id);
  std::optional<absl::Time> last;
  for (const std::string& project_id : key.bound_project_ids) {
    const std::optional<absl::Time> time = DeleteTimeOf(project_id);
    if (!time.has_value()) return std::nullopt;
    last = std::max(last.value_or(*time), *time);
  }
  return last;
}

std::optional<absl::Time> DeletedProjects::DeleteTimeOf(const std::string& project_id) const {
  const FilterPlace place = PlaceOf(project_id, kFilterWords);
  if ((filter_[place.word].load(std::memory_order_acquire) & place.mask) == 0) return std::nullopt;
  absl::ReaderMutexLock lock(&mutex_);
  const auto it = projects_.find(project_id);
  if (it == projects_.end()) return std::nullopt;
  return it->second;
}

absl::Status DeletedProjects::Load(const KeyStore& store) {
  absl::MutexLock lock(&mutex_);
  absl::Status scanned = store.ScanProjects("", [this](const ProjectRecord& project) {
    mutex_.AssertHeld();
    if (project.delete_time.has_value()) projects_[project.project_id] = *project.delete_time;
    return true;
  });
  Publish();
  return scanned;
}

void DeletedProjects::Apply(const Committed& committed) {
  if (committed.projects.empty() && committed.deleted_projects.empty()) return;
  absl::MutexLock lock(&mutex_);
  for (const std::string& project_id : committed.deleted_projects) projects_.erase(project_id);
  for (const auto& project : committed.projects) {
    if (project->delete_time.has_value()) projects_[project->project_id] = *project->delete_time;
  }
  Publish();
}

void DeletedProjects::Publish() {
  std::array<uint64_t, kFilterWords> words{};
  for (const auto& [project_id, time] : projects_) {
    const FilterPlace place = PlaceOf(project_id, kFilterWords);
    words[place.word] |= place.mask;
  }
  // The bits of projects that stay deleted are never unset in between, and the count comes last:
  // who sees it sees the bits.
  for (size_t i = 0; i < kFilterWords; ++i) {
    filter_[i].store(words[i], std::memory_order_release);
  }
  count_.store(projects_.size(), std::memory_order_release);
}

}  // namespace claviger
