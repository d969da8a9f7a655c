// Removes in the background what was deleted: keys past the retention, and the keys of deleted
// projects, and such projects once they are empty.
#ifndef CLAVIGER_SERVER_MANAGE_KEY_SWEEPER_H_
#define CLAVIGER_SERVER_MANAGE_KEY_SWEEPER_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/clock.h"
#include "core/key_record.h"
#include "storage/key_store.h"

namespace claviger {

// Each key is a mutation of its own, with an audit entry by `system`; few are under way at a time,
// so that other changes are not held up. It takes up where an earlier process stopped. On a disk
// that is nearly full only management keys lose their bindings: the store's reserve is kept for
// revokes.
//
// Thread safety: Run belongs to one thread; Stop may be called from any.
class KeySweeper {
 public:
  // `store` and `clock` outlive the sweeper. `retention`: from a key's deletion to its purge.
  KeySweeper(KeyStore& store, const Clock& clock, absl::Duration retention)
      : store_(store), clock_(clock), retention_(retention) {}

  // Does all that is due. Blocks on I/O. Errors are the store's; what is left is for the next run.
  absl::Status Run();
  // Lets a run that is under way end soon, and later ones at once.
  void Stop() { stopping_.store(true, std::memory_order_relaxed); }

 private:
  using Project = std::shared_ptr<const ProjectRecord>;

  absl::Status Sweep();
  absl::StatusOr<std::vector<Project>> DeletedProjects() const;
  // How many it removed.
  absl::StatusOr<size_t> RemoveKeys(const Project& project);
  absl::Status UnbindManagementKeys(const Project& project);
  absl::StatusOr<size_t> PurgeKeys();
  absl::Status PurgeProjects(const std::vector<Project>& projects);

  // Visits the keys of a project in slices, without holding a view of the store for long, and
  // commits what `change` gives for each; null: nothing. How many it gave something for.
  using ChangeOf = absl::FunctionRef<Mutation(const KeyRecord& key)>;
  absl::StatusOr<size_t> ChangeEach(const std::string& project_id, ChangeOf change);
  // Commits all and waits for it. The first error.
  absl::Status CommitSlice(std::vector<Mutation> mutations);
  bool stopping() const { return stopping_.load(std::memory_order_relaxed); }

  KeyStore& store_;
  const Clock& clock_;
  const absl::Duration retention_;
  std::atomic<bool> stopping_{false};
  // Deleted projects all of whose keys are deleted: nothing comes into them any more.
  absl::flat_hash_set<std::string> settled_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_KEY_SWEEPER_H_
