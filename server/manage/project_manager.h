// Makes and changes projects.
#ifndef CLAVIGER_SERVER_MANAGE_PROJECT_MANAGER_H_
#define CLAVIGER_SERVER_MANAGE_PROJECT_MANAGER_H_

#include <cstddef>
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

  // All arguments outlive the manager.
  ProjectManager(KeyStore& store, const Clock& clock);

  // Never blocks; `done` runs on a thread of the store or at once. `deadline` is on the clock's
  // SinceBoot scale.
  void Create(const Caller& caller, ProjectRecord project, bool validate_only,
              absl::Duration deadline, Done<Project> done);
  void Update(const Caller& caller, ProjectRecord values, ProjectMask mask, Revision if_revision,
              bool validate_only, absl::Duration deadline, Done<Project> done);
  void Delete(const Caller& caller, std::string project_id, Revision if_revision,
              bool validate_only, absl::Duration deadline, Done<Project> done);

  absl::StatusOr<Project> Get(const Caller& caller, const std::string& project_id) const;

  // The projects behind `after` that the caller may see, at most `limit`. Blocks on I/O.
  absl::StatusOr<ProjectPage> List(const Caller& caller, const std::string& after,
                                   size_t limit) const;

 private:
  KeyStore& store_;
  const Clock& clock_;
  MutationRunner runner_;
};

// A project as the first start makes it: `default` free-form, `claviger` with the permissions as
// its catalog.
ProjectRecord BuiltInProject(std::string_view project_id, absl::Time now);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_PROJECT_MANAGER_H_
