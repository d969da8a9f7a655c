#include "server/verify/deleted_projects.h"

#include <algorithm>
#include <vector>

#include "absl/hash/hash.h"

namespace claviger {
namespace {

// Of a project in its word of the filter. All in one word, so that a question is one load.
constexpr int kBitsPerProject = 4;
constexpr int kLogBitsPerWord = 6;

// Where a project's bits are: word and mask.
struct FilterPlace {
  size_t word;
  uint64_t mask = 0;
};

FilterPlace PlaceOf(std::string_view project_id, size_t words) {
  uint64_t hash = absl::HashOf(project_id);
  FilterPlace place{.word = hash % words};
  hash /= words;
  for (int i = 0; i < kBitsPerProject; ++i) {
    place.mask |= uint64_t{1} << (hash % (1 << kLogBitsPerWord));
    hash >>= kLogBitsPerWord;
  }
  return place;
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

bool DeletedProjects::MayBeDeleted(std::string_view project_id) const {
  if (count_.load(std::memory_order_acquire) == 0) return false;
  const FilterPlace place = PlaceOf(project_id, kFilterWords);
  return (filter_[place.word].load(std::memory_order_acquire) & place.mask) == place.mask;
}

std::optional<absl::Time> DeletedProjects::DeleteTimeOf(const std::string& project_id) const {
  if (!MayBeDeleted(project_id)) return std::nullopt;
  absl::ReaderMutexLock lock(&mutex_);
  const auto it = projects_.find(project_id);
  if (it == projects_.end()) return std::nullopt;
  return it->second;
}

absl::Status DeletedProjects::Load(const KeyStore& store) {
  absl::MutexLock lock(&mutex_);
  absl::Status scanned = store.ScanProjects("", [this](const ProjectRecord& project) {
    mutex_.AssertHeld();
    if (project.delete_time.has_value()) Insert(project.project_id, *project.delete_time);
    return true;
  });
  PublishCount();
  return scanned;
}

void DeletedProjects::Apply(const Committed& committed) {
  if (committed.projects.empty() && committed.deleted_projects.empty()) return;
  absl::MutexLock lock(&mutex_);
  size_t erased = 0;
  for (const std::string& project_id : committed.deleted_projects) {
    erased += projects_.erase(project_id);
  }
  if (erased > 0) RebuildFilter();
  for (const auto& project : committed.projects) {
    if (project->delete_time.has_value()) Insert(project->project_id, *project->delete_time);
  }
  PublishCount();
}

void DeletedProjects::Insert(const std::string& project_id, absl::Time delete_time) {
  projects_[project_id] = delete_time;
  const FilterPlace place = PlaceOf(project_id, kFilterWords);
  filter_[place.word].fetch_or(place.mask, std::memory_order_release);
}

void DeletedProjects::RebuildFilter() {
  std::vector<uint64_t> words(kFilterWords);
  for (const auto& [project_id, time] : projects_) {
    const FilterPlace place = PlaceOf(project_id, kFilterWords);
    words[place.word] |= place.mask;
  }
  // The bits of projects that stay deleted are never unset in between.
  for (size_t i = 0; i < kFilterWords; ++i) {
    filter_[i].store(words[i], std::memory_order_release);
  }
}

void DeletedProjects::PublishCount() {
  // Last: who sees it sees the bits.
  count_.store(projects_.size(), std::memory_order_release);
}

}  // namespace claviger
