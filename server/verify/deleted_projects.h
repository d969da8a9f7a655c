// The projects that were deleted while they had keys: none of these keys verifies from then on,
// though each is revoked by itself only later.
#ifndef CLAVIGER_SERVER_VERIFY_DELETED_PROJECTS_H_
#define CLAVIGER_SERVER_VERIFY_DELETED_PROJECTS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/key_record.h"
#include "storage/key_store.h"

namespace claviger {

// Thread safety: all methods may be called from any thread at once.
// Performance: a question costs one atomic load while no project is deleted, and takes a lock only
// for keys of one that is (and for one in many hundreds of the others).
class DeletedProjects {
 public:
  // When `key` stopped verifying because its project was deleted, or, for a management key that is
  // bound to projects, because all of them were. nullopt: it did not.
  std::optional<absl::Time> EndOf(const KeyRecord& key) const {
    if (count_.load(std::memory_order_acquire) == 0) return std::nullopt;
    return Search(key);
  }

  // Takes over what the store has. Blocks on I/O; before the store's first commit.
  absl::Status Load(const KeyStore& store);
  // Takes over what was committed.
  void Apply(const Committed& committed);

 private:
  static constexpr size_t kFilterWords = 16;

  std::optional<absl::Time> Search(const KeyRecord& key) const;
  std::optional<absl::Time> DeleteTimeOf(const std::string& project_id) const;
  void Publish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::atomic<size_t> count_{0};
  // The bit of each deleted project is set, by the hash of its id.
  std::array<std::atomic<uint64_t>, kFilterWords> filter_{};
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, absl::Time> projects_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_VERIFY_DELETED_PROJECTS_H_
