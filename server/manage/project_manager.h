// Makes and changes projects.
#ifndef CLAVIGER_SERVER_MANAGE_PROJECT_MANAGER_H_
#define CLAVIGER_SERVER_MANAGE_PROJECT_MANAGER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/clock.h"
#include "core/key_record.h"
#include "server/manage/caller.h"
#include "server/manage/mutation_runner.h"
#include "storage/key_store.h"

namespace claviger {

// Which fields of a project an update changes.
struct ProjectMask {
  bool display_name = false;
  bool key_prefix = false;
  bool scope_catalog = false;
  bool max_key_ttl = false;
  bool default_key_ttl = false;
  bool require_expiry = false;
  bool allowed_cidrs_required = false;
};

// Which project to delete, and how.
struct ProjectDeletion {
  std::string project_id;
  Revision if_revision;      // 0: do not compare
  bool revoke_keys = false;  // else a project with keys is refused
  bool validate_only = false;
};

struct DeletedProject {
  std::shared_ptr<const ProjectRecord> project;  // as it was
  Revision revision;         // every verifier must reach this for the change to hold everywhere
  bool restricting = false;  // there are keys that verified until then
};

struct ProjectPage {
  std::vector<ProjectRecord> projects;
  std::string next_after;  // the last id, when there are more; else empty
};

// Checks the caller's permission before anything else and answers NOT_FOUND for projects outside
// its binding.
//
// Thread safety: all methods may be called from any thread at once.
class ProjectManager {
 public:
  using Project = std::shared_ptr<const ProjectRecord>;
  template <typename T>
  using Done = absl::AnyInvocable<void(absl::StatusOr<T>)>;

  // Told, on a thread of the store, that a project with keys was deleted: they are to be removed.
  using KeysToRemove = std::function<void()>;

  // `store` and `clock` outlive the manager.
  ProjectManager(
      KeyStore& store, const Clock& clock, KeysToRemove keys_to_remove = [] {});

  // Never blocks; `done` runs on a thread of the store or at once. `deadline` is on the clock's
  // SinceBoot scale.
  void Create(const Caller& caller, ProjectRecord project, bool validate_only,
              absl::Duration deadline, Done<Project> done);
  void Update(const Caller& caller, ProjectRecord values, ProjectMask mask, Revision if_revision,
              bool validate_only, absl::Duration deadline, Done<Project> done);
  // With `revoke_keys` a project that has keys is deleted by one change, from which on none of them
  // verifies and nothing comes into it; once more is OK. Its record goes later, with the last key.
  void Delete(const Caller& caller, ProjectDeletion deletion, absl::Duration deadline,
              Done<DeletedProject> done);

  absl::StatusOr<Project> Get(const Caller& caller, const std::string& project_id) const;

  // The projects behind `after` that the caller may see, at most `limit`. Blocks on I/O.
  absl::StatusOr<ProjectPage> List(const Caller& caller, const std::string& after,
                                   size_t limit) const;

 private:
  KeyStore& store_;
  const Clock& clock_;
  const KeysToRemove keys_to_remove_;
  MutationRunner runner_;
};

// A project as the first start makes it: `default` free-form, `claviger` with the permissions as
// its catalog.
ProjectRecord BuiltInProject(std::string_view project_id, absl::Time now);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_PROJECT_MANAGER_H_
