// The projects that were deleted while they had keys: none of these keys verifies from then on,
// though each is revoked by itself only later.
#ifndef CLAVIGER_SERVER_VERIFY_DELETED_PROJECTS_H_
#define CLAVIGER_SERVER_VERIFY_DELETED_PROJECTS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/key_record.h"
#include "storage/key_store.h"

namespace claviger {

// Thread safety: all methods may be called from any thread at once.
// Performance: a question costs one atomic load while no project is deleted, else a few, and takes
// a lock only for keys of one that is, and by mistake for one in thousands of the others with
// 10,000 deleted projects, one in hundreds with 50,000. The filter takes 128 KiB.
class DeletedProjects {
 public:
  // When `key` stopped verifying because its project was deleted, or, for a management key that is
  // bound to projects, because all of them were. nullopt: it did not.
  std::optional<absl::Time> EndOf(const KeyRecord& key) const {
    if (count_.load(std::memory_order_acquire) == 0) return std::nullopt;
    return Search(key);
  }

  // False: `project_id` is not deleted. Takes no lock.
  bool MayBeDeleted(std::string_view project_id) const;

  // Takes over what the store has. Blocks on I/O; before the store's first commit.
  absl::Status Load(const KeyStore& store);
  // Takes over what was committed.
  void Apply(const Committed& committed);

 private:
  // Deleted projects stay for the retention, and every check asks: this is for tens of thousands.
  static constexpr size_t kFilterWords = 16'384;

  std::optional<absl::Time> Search(const KeyRecord& key) const;
  std::optional<absl::Time> DeleteTimeOf(const std::string& project_id) const;
  void Insert(const std::string& project_id, absl::Time delete_time)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes out of the filter what is not deleted any more.
  void RebuildFilter() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void PublishCount() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::atomic<size_t> count_{0};
  // The hash of a project's id names a word and bits in it, all of which are set for each deleted
  // one. By itself, away from `count_`: that is all which most installations ever read.
  const std::unique_ptr<std::atomic<uint64_t>[]> filter_ =
      std::make_unique<std::atomic<uint64_t>[]>(kFilterWords);
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, absl::Time> projects_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_VERIFY_DELETED_PROJECTS_H_
