// KeyManager::Issue and what it needs.

#include <utility>

#include "core/status.h"
#include "fmt/format.h"
#include "server/manage/errors.h"
#include "server/manage/key_manager.h"
#include "server/manage/permissions.h"

namespace claviger {
namespace {

constexpr std::string_view kSealPurpose = "claviger.v1 request answer";

// A request id is the caller's own: two callers may use the same one.
std::string RequestKey(const Caller& caller, const std::string& request_id) {
  return fmt::format("{}\n{}", caller.actor(), request_id);
}

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
    absl::StatusOr<std::shared_ptr<const ProjectRecord>> project = state.FindProject(project_id);
    if (!project.ok()) return project.status();
    if (*project == nullptr || (*project)->delete_time.has_value()) {
      return InvalidField(
          "bound_project_ids",
          fmt::format("must name projects that exist; there is no project {}", project_id));
    }
  }
  return absl::OkStatus();
}

}  // namespace

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
  absl::StatusOr<bool> replayed = Replay(state, caller, params, now, result);
  if (!replayed.ok()) return replayed.status();
  if (*replayed) return ChangeSet{};

  if (absl::Status s = CheckManagementKey(state, caller, params); !s.ok()) return s;
  if (absl::Status s = CheckCatalog(**project, params.scopes.scopes(), "scopes"); !s.ok()) return s;
  if (absl::Status s = CheckAddresses(**project, params.allowed_cidrs); !s.ok()) return s;
  absl::StatusOr<std::optional<absl::Time>> expire_time =
      ResolveExpiry(params.expiration, (*project)->policy, now);
  if (!expire_time.ok()) return expire_time.status();

  absl::StatusOr<KeyId> id = KeyId::Generate(random_);
  if (!id.ok()) return id.status();
  absl::StatusOr<std::shared_ptr<const KeyRecord>> taken = state.FindKey(*id);
  if (!taken.ok()) return taken.status();
  if (*taken != nullptr) {
    // 83 random bits do not collide: the entropy source is broken, and no key of its making may go
    // out.
    return ErrorBuilder(absl::StatusCode::kInternal, Reason::kInternal)
        .Build("the random source repeated a key id; no key was issued");
  }
  absl::StatusOr<Secret> raw_key =
      GenerateKey((*project)->key_prefix, params.environment, *id, random_);
  if (!raw_key.ok()) return raw_key.status();
  absl::StatusOr<KeyDigest> digest =
      peppers_.Digest(peppers_.writing_id(), *id, HashKey(raw_key->ExposeSecret()));
  if (!digest.ok()) return digest.status();

  KeyRecord key;
  key.id = *id;
  key.project_id = params.project_id;
  key.display_name = params.display_name;
  key.description = params.description;
  key.environment = params.environment;
  key.prefix = (*project)->key_prefix;
  key.masked_key = MaskKey(*raw_key);
  key.digest = *digest;
  key.pepper_id = peppers_.writing_id();
  key.scopes = params.scopes;
  key.allowed_cidrs = params.allowed_cidrs;
  key.bound_project_ids = params.bound_project_ids;
  key.owner = params.owner;
  key.labels = params.labels;
  key.metadata = params.metadata;
  key.create_time = now;
  key.created_by = caller.actor();
  key.update_time = now;
  key.expire_time = *expire_time;

  ChangeSet changes;
  if (params.request_id.has_value()) {
    absl::StatusOr<RequestRecord> request = Remember(caller, params, key, *raw_key);
    if (!request.ok()) return request.status();
    changes.put_request = *std::move(request);
  }
  changes.audit =
      AuditOf(caller, "IssueKey", key.project_id, key.id.ToString(),
              fmt::format("{} scopes, {}", key.scopes.size(),
                          key.expire_time.has_value()
                              ? "expires " + absl::FormatTime(absl::RFC3339_sec, *key.expire_time,
                                                              absl::UTCTimeZone())
                              : "never expires"));
  result.key = *std::move(raw_key);
  result.info = std::make_shared<const KeyRecord>(key);
  changes.put_keys.push_back(std::move(key));
  return changes;
}

absl::StatusOr<bool> KeyManager::Replay(const StateReader& state, const Caller& caller,
                                        const IssueParams& params, absl::Time now,
                                        IssuedKey& result) const {
  if (!params.request_id.has_value()) return false;
  const std::string request_key = RequestKey(caller, *params.request_id);
  absl::StatusOr<std::shared_ptr<const RequestRecord>> request =
      state.FindRequest(request_key, now);
  if (!request.ok()) return request.status();
  if (*request == nullptr) return false;
  if ((*request)->arguments_hash != params.arguments_hash) {
    return ErrorBuilder(absl::StatusCode::kAlreadyExists, Reason::kRequestIdReused)
        .Field("request_id", "must be a new UUID for a request with other arguments")
        .Build("request_id: was used within 10 minutes with other arguments");
  }
  absl::StatusOr<Secret> seal_key = peppers_.DeriveKey((*request)->pepper_id, kSealPurpose);
  if (!seal_key.ok()) return seal_key.status();
  absl::StatusOr<Secret> raw_key = Unseal(*seal_key, (*request)->sealed_secret, request_key);
  if (!raw_key.ok()) return raw_key.status();
  absl::StatusOr<std::shared_ptr<const KeyRecord>> key = state.FindKey((*request)->key_id);
  if (!key.ok()) return key.status();
  if (*key == nullptr) return KeyNotFound((*request)->key_id);
  result.key = *std::move(raw_key);
  result.info = *std::move(key);
  return true;
}

absl::StatusOr<RequestRecord> KeyManager::Remember(const Caller& caller, const IssueParams& params,
                                                   const KeyRecord& key,
                                                   const Secret& raw_key) const {
  RequestRecord request;
  request.id = RequestKey(caller, *params.request_id);
  request.arguments_hash = params.arguments_hash;
  request.key_id = key.id;
  request.pepper_id = peppers_.writing_id();
  request.expire_time = key.create_time + kRequestIdLifetime;
  absl::StatusOr<Secret> seal_key = peppers_.DeriveKey(request.pepper_id, kSealPurpose);
  if (!seal_key.ok()) return seal_key.status();
  absl::StatusOr<std::string> sealed = Seal(*seal_key, raw_key, request.id, random_);
  if (!sealed.ok()) return sealed.status();
  request.sealed_secret = *std::move(sealed);
  return request;
}

}  // namespace claviger
