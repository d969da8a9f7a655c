// KeyManager::Issue and what it needs.

#include <utility>

#include "core/status.h"
#include "fmt/format.h"
#include "server/manage/errors.h"
#include "server/manage/key_manager.h"
#include "server/manage/permissions.h"

namespace claviger {
namespace {

absl::Status CheckManagementKey(const StateReader& state, const Caller& caller,
                                const IssueParams& params) {
  if (params.project_id != kManagementProject) {
    if (params.bound_project_ids.empty()) return absl::OkStatus();
    return InvalidField("bound_project_ids", "is for keys of project claviger only");
  }
  if (absl::Status s = caller.RequireCanGrant(params.scopes, params.bound_project_ids); !s.ok()) {
    return s;
  }
  for (const std::string& project_id : params.bound_project_ids) {
    const absl::Status found = FindLiveProject(state, project_id).status();
    if (absl::IsNotFound(found)) {
      return InvalidField(
          "bound_project_ids",
          fmt::format("must name projects that exist; there is no project {}", project_id));
    }
    if (!found.ok()) return found;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<KeyRecord> NewKeyRecord(const ProjectRecord& project, const Caller& caller,
                                       const IssueParams& wanted, absl::Time now) {
  if (absl::Status s = CheckCatalog(project, wanted.scopes.scopes(), "scopes"); !s.ok()) return s;
  if (absl::Status s = CheckAddresses(project, wanted.allowed_cidrs); !s.ok()) return s;
  const absl::StatusOr<std::optional<absl::Time>> expire_time =
      ResolveExpiry(wanted.expiration, project.policy, now);
  if (!expire_time.ok()) return expire_time.status();

  KeyRecord key;
  key.project_id = project.project_id;
  key.display_name = wanted.display_name;
  key.description = wanted.description;
  key.environment = wanted.environment;
  key.scopes = wanted.scopes;
  key.allowed_cidrs = wanted.allowed_cidrs;
  key.bound_project_ids = wanted.bound_project_ids;
  key.owner = wanted.owner;
  key.labels = wanted.labels;
  key.metadata = wanted.metadata;
  key.create_time = now;
  key.created_by = caller.actor();
  key.update_time = now;
  key.expire_time = *expire_time;
  return key;
}

std::string ExpiryStory(const KeyRecord& key) {
  if (!key.expire_time.has_value()) return "never expires";
  return "expires " + absl::FormatTime(absl::RFC3339_sec, *key.expire_time, absl::UTCTimeZone());
}

void KeyManager::Issue(const Caller& caller, IssueParams params, absl::Duration deadline,
                       Done<IssuedKey> done) {
  if (absl::Status s = caller.Require(permission::kKeysIssue); !s.ok()) return done(s);
  if (!caller.IsBoundTo(params.project_id)) return done(ProjectNotFound(params.project_id));
  const bool validate_only = params.validate_only;
  runner_.Run<IssuedKey>(
      deadline, validate_only,
      [this, caller, params = std::move(params)](const StateReader& state, IssuedKey& result) {
        return IssueNow(state, caller, params, result);
      },
      [validate_only, done = std::move(done)](absl::StatusOr<IssuedKey> result,
                                              const Committed* committed) mutable {
        if (result.ok()) {
          if (committed->changed) result->info = committed->keys.front();
          if (validate_only) result->key = Secret();
        }
        done(std::move(result));
      });
}

absl::StatusOr<ChangeSet> KeyManager::IssueNow(const StateReader& state, const Caller& caller,
                                               const IssueParams& params, IssuedKey& result) {
  const absl::Time now = clock_.Now();
  // Before a retry is answered: a key of a project that was deleted meanwhile is good for nothing.
  absl::StatusOr<std::shared_ptr<const ProjectRecord>> project =
      FindLiveProject(state, params.project_id);
  if (!project.ok()) return project.status();
  if (params.request.has_value()) {
    absl::StatusOr<std::optional<RememberedKey>> earlier =
        memory_.Find(state, caller, *params.request, params.validate_only, now);
    if (!earlier.ok()) return earlier.status();
    if (earlier->has_value()) {
      result.key = std::move((*earlier)->key);
      result.info = std::move((*earlier)->info);
      return ChangeSet{};
    }
  }

  if (absl::Status s = CheckManagementKey(state, caller, params); !s.ok()) return s;
  absl::StatusOr<KeyRecord> made = NewKeyRecord(**project, caller, params, now);
  if (!made.ok()) return made.status();
  KeyRecord& key = *made;
  absl::StatusOr<Secret> raw_key = mint_.Mint(state, (*project)->key_prefix, key);
  if (!raw_key.ok()) return raw_key.status();

  ChangeSet changes;
  if (params.request.has_value()) {
    absl::StatusOr<RequestRecord> request = memory_.Seal(caller, *params.request, key, *raw_key);
    if (!request.ok()) return request.status();
    changes.put_request = *std::move(request);
  }
  changes.audit = AuditOf(caller, "IssueKey", key.project_id, key.id.ToString(),
                          fmt::format("{} scopes, {}", key.scopes.size(), ExpiryStory(key)));
  result.key = *std::move(raw_key);
  result.info = std::make_shared<const KeyRecord>(key);
  changes.put_keys.push_back(std::move(key));
  return changes;
}

}  // namespace claviger
