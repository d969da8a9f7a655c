// What entries of an audit log say was taken away: from keys, and with projects.
#ifndef CLAVIGER_SERVER_MANAGE_TAKEN_AWAY_H_
#define CLAVIGER_SERVER_MANAGE_TAKEN_AWAY_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "core/audit_entry.h"
#include "core/cidr.h"
#include "core/key_format.h"
#include "core/revision.h"

namespace claviger {

// Names of actions, as audit entries have them.
namespace action {
inline constexpr std::string_view kRevokeKey = "RevokeKey";
inline constexpr std::string_view kDeleteKey = "DeleteKey";
inline constexpr std::string_view kDisableKey = "DisableKey";
inline constexpr std::string_view kUpdateScopes = "UpdateScopes";
inline constexpr std::string_view kUpdateKey = "UpdateKey";
inline constexpr std::string_view kDeleteProject = "DeleteProject";
}  // namespace action

// Where a log says so.
struct LoggedChange {
  Revision revision;
  absl::Time time;
  std::string actor;
  std::string action;
  std::string detail;
};

// What became of a key. Of changes that outdo each other the last one counts; revoked is final.
struct LaterOfKey {
  std::string project_id;
  std::optional<LoggedChange> made;     // issued, imported, or in the place of another
  std::optional<LoggedChange> revoked;  // also by its deletion or its rotation
  std::optional<LoggedChange> deleted;
  std::optional<LoggedChange> disabled;
  std::optional<LoggedChange> rescoped;
  std::map<std::string, bool> scopes;  // with `rescoped`: whether each was added, or removed
  std::optional<LoggedChange> moved_end;
  absl::Time end = absl::InfiniteFuture();  // with `moved_end`
  std::optional<LoggedChange> readdressed;
  // With `readdressed`; empty: any address; nullopt: the entry does not say.
  std::optional<std::vector<Cidr>> allowed_cidrs;
};

// Collects what came after a state, so that what was taken away since can be taken away again.
//
// Thread safety: none.
class LaterChanges {
 public:
  // The next entry. FAILED_PRECONDITION names an entry whose detail is not in a form that this
  // version writes: what it took away cannot be told.
  absl::Status Add(const AuditEntry& entry);

  const std::map<KeyId, LaterOfKey>& keys() const { return keys_; }
  // By project id.
  const std::map<std::string, LoggedChange>& deleted_projects() const { return deleted_projects_; }
  const std::map<std::string, LoggedChange>& made_projects() const { return made_projects_; }

 private:
  absl::Status AddRotation(const AuditEntry& entry, LaterOfKey& key);
  absl::Status AddScopes(const AuditEntry& entry, LaterOfKey& key);
  absl::Status AddUpdate(const AuditEntry& entry, LaterOfKey& key);

  std::map<KeyId, LaterOfKey> keys_;
  std::map<std::string, LoggedChange> deleted_projects_;
  std::map<std::string, LoggedChange> made_projects_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_TAKEN_AWAY_H_
