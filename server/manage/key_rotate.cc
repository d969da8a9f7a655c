// KeyManager::Rotate and KeyManager::BeginGrace.
#include "server/manage/key_rotate.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "core/lifecycle.h"
#include "core/status.h"
#include "fmt/format.h"
#include "server/manage/errors.h"
#include "server/manage/key_manager.h"
#include "server/manage/permissions.h"

namespace claviger {
namespace {

absl::Status DisabledKeyStays(const KeyId& id) {
  return ErrorBuilder(absl::StatusCode::kFailedPrecondition, Reason::kKeyDisabled)
      .Resource("key", id.ToString())
      .Build(fmt::format("key {} is disabled; enable it before it is rotated", id.text()));
}

absl::Status AlreadyRotated(const KeyId& id, const KeyId& successor) {
  return ErrorBuilder(absl::StatusCode::kFailedPrecondition, Reason::kKeyRotated)
      .Resource("key", successor.ToString())
      .Build(fmt::format("key {} was replaced by key {} already; rotate that one", id.text(),
                         successor.text()));
}

absl::Status CheckRotatable(const KeyRecord& key) {
  if (key.revocation.has_value() || key.delete_time.has_value()) return RevokedKeyIsFinal(key.id);
  if (key.rotated_to.has_value()) return AlreadyRotated(key.id, *key.rotated_to);
  if (key.disabled) return DisabledKeyStays(key.id);
  return absl::OkStatus();
}

// The catalog may have shrunk since the old key was issued. Nothing in the request is wrong then.
absl::Status CheckOldScopes(const ProjectRecord& project, const KeyRecord& old_key) {
  const absl::Status covered = CheckCatalog(project, old_key.scopes.scopes(), "scopes");
  if (covered.ok()) return covered;
  return ErrorBuilder(absl::StatusCode::kFailedPrecondition, Reason::kScopeNotInCatalog)
      .Resource("key", old_key.id.ToString())
      .Build(fmt::format(
          "key {} has scopes that the catalog of project {} does not cover any more; take them "
          "away with UpdateScopes before it is rotated",
          old_key.id.text(), project.project_id));
}

// When the new key ends; nullopt: never.
absl::StatusOr<std::optional<absl::Time>> EndOfSuccessor(const Expiration& said,
                                                         const KeyRecord& old_key,
                                                         const ProjectPolicy& policy,
                                                         absl::Time now) {
  if (!std::holds_alternative<std::monostate>(said)) return ResolveExpiry(said, policy, now);
  if (!old_key.expire_time.has_value()) {
    const bool must_end = policy.require_expiry || policy.max_key_ttl.has_value();
    if (!must_end) return std::optional<absl::Time>();
    return ResolveExpiry(std::monostate(), policy, now);
  }
  absl::Duration life = *old_key.expire_time - old_key.create_time;
  if (policy.max_key_ttl.has_value()) life = std::min(life, *policy.max_key_ttl);
  return ResolveExpiry(life, policy, now);
}

// A key with the attributes of `old_key`, and nothing of its history.
KeyRecord WithAttributesOf(const KeyRecord& old_key) {
  KeyRecord key;
  key.project_id = old_key.project_id;
  key.display_name = old_key.display_name;
  key.description = old_key.description;
  key.environment = old_key.environment;
  key.scopes = old_key.scopes;
  key.allowed_cidrs = old_key.allowed_cidrs;
  key.bound_project_ids = old_key.bound_project_ids;
  key.owner = old_key.owner;
  key.labels = old_key.labels;
  key.metadata = old_key.metadata;
  key.rotated_from = old_key.id;
  return key;
}

// Lets `key` end `grace` after `start`, or sooner where it would have ended sooner anyway; without
// a grace, revokes it. Whether that made its life shorter.
bool RunGrace(KeyRecord& key, absl::Time start, absl::Duration grace, absl::Time now) {
  key.pending_grace.reset();
  key.update_time = now;
  if (grace == absl::ZeroDuration()) {
    claviger::Revoke(key, now, RevokeReason::kSuperseded, "");
    return true;
  }
  const absl::Time end = start + grace;
  if (key.expire_time.has_value() && *key.expire_time <= end) return false;
  key.expire_time = end;
  return true;
}

// Whether the rotation that `params` asked for, and that was done, made `old_key`'s life shorter.
bool WasShortened(const KeyRecord& old_key, const RotateParams& params) {
  if (params.grace_start == GraceStart::kFirstUse) return false;
  if (params.grace_period == absl::ZeroDuration()) return true;
  return old_key.rotate_time.has_value() && old_key.expire_time.value_or(absl::InfiniteFuture()) <=
                                                *old_key.rotate_time + params.grace_period;
}

std::string EndText(const std::optional<absl::Time>& end) {
  if (!end.has_value()) return "never";
  return absl::FormatTime(absl::RFC3339_sec, *end, absl::UTCTimeZone());
}

// What becomes of the old key, for the audit entry.
std::string StoryOf(const KeyRecord& old_key) {
  if (old_key.revocation.has_value()) return "revoked";
  if (old_key.pending_grace.has_value()) {
    return fmt::format("ends {} after its successor's first use",
                       absl::FormatDuration(*old_key.pending_grace));
  }
  return "ends " + EndText(old_key.expire_time);
}

}  // namespace

void KeyManager::Rotate(const Caller& caller, RotateParams params, absl::Duration deadline,
                        Done<RotatedKey> done) {
  if (absl::Status s = caller.Require(permission::kKeysIssue); !s.ok()) return done(s);
  const bool validate_only = params.validate_only;
  runner_.Run<RotatedKey>(
      deadline, validate_only,
      [this, caller, params = std::move(params)](const StateReader& state, RotatedKey& result) {
        return RotateNow(state, caller, params, result);
      },
      [validate_only, done = std::move(done)](absl::StatusOr<RotatedKey> result,
                                              const Committed* committed) mutable {
        if (result.ok()) {
          if (committed->changed) {
            result->info = committed->keys[0];
            result->replaced = committed->keys[1];
          }
          if (validate_only) result->key = Secret();
          result->revision = result->replaced->revision;
        }
        done(std::move(result));
      });
}

absl::StatusOr<ChangeSet> KeyManager::RotateNow(const StateReader& state, const Caller& caller,
                                                const RotateParams& params, RotatedKey& result) {
  const absl::Time now = clock_.Now();
  absl::StatusOr<std::shared_ptr<const KeyRecord>> current = state.FindKey(params.key_id);
  if (!current.ok()) return current.status();
  if (*current == nullptr || !caller.IsBoundTo((*current)->project_id)) {
    return KeyNotFound(params.key_id);
  }
  // Before all that the first attempt has made untrue: the revision, and that it is not rotated.
  if (params.request.has_value()) {
    absl::StatusOr<std::optional<RememberedKey>> earlier =
        memory_.Find(state, caller, *params.request, params.validate_only, now);
    if (!earlier.ok()) return earlier.status();
    if (earlier->has_value()) {
      result.key = std::move((*earlier)->key);
      result.info = std::move((*earlier)->info);
      result.replaced = *current;
      // Whoever asks again may have had no answer the first time, so it is waited for again.
      result.restricting = WasShortened(**current, params);
      return ChangeSet{};
    }
  }
  if (absl::Status s = CheckRevision(params.if_revision, (*current)->revision); !s.ok()) return s;
  if (absl::Status s = CheckRotatable(**current); !s.ok()) return s;

  absl::StatusOr<KeyRecord> key = MakeSuccessor(state, caller, params, **current, result.key);
  if (!key.ok()) return key.status();
  KeyRecord old_key = **current;
  old_key.rotated_to = key->id;
  old_key.rotate_time = now;
  old_key.update_time = now;
  if (params.grace_start == GraceStart::kFirstUse) {
    old_key.pending_grace = params.grace_period;
  } else {
    result.restricting = RunGrace(old_key, now, params.grace_period, now);
  }

  ChangeSet changes;
  if (params.request.has_value()) {
    absl::StatusOr<RequestRecord> request = memory_.Seal(caller, *params.request, *key, result.key);
    if (!request.ok()) return request.status();
    changes.put_request = *std::move(request);
  }
  changes.audit = AuditOf(caller, "RotateKey", old_key.project_id, old_key.id.ToString(),
                          fmt::format("replaced by {}, which expires {}; the old key {}",
                                      key->id.text(), EndText(key->expire_time), StoryOf(old_key)));
  result.info = std::make_shared<const KeyRecord>(*key);
  result.replaced = std::make_shared<const KeyRecord>(old_key);
  changes.put_keys.push_back(*std::move(key));
  changes.put_keys.push_back(std::move(old_key));
  return changes;
}

absl::StatusOr<KeyRecord> KeyManager::MakeSuccessor(const StateReader& state, const Caller& caller,
                                                    const RotateParams& params,
                                                    const KeyRecord& old_key,
                                                    Secret& raw_key) const {
  const absl::Time now = clock_.Now();
  absl::StatusOr<std::shared_ptr<const ProjectRecord>> project =
      FindLiveProject(state, old_key.project_id);
  if (!project.ok()) return project.status();
  if (old_key.project_id == kManagementProject) {
    absl::Status s = caller.RequireCanGrant(old_key.scopes, old_key.bound_project_ids);
    if (!s.ok()) return s;
    // The sweep takes a deleted project out of bindings. It might not see a successor made now.
    for (const std::string& project_id : old_key.bound_project_ids) {
      const absl::Status found = FindLiveProject(state, project_id).status();
      if (!found.ok()) return found;
    }
  }
  if (absl::Status s = CheckOldScopes(**project, old_key); !s.ok()) return s;
  if (absl::Status s = CheckAddresses(**project, old_key.allowed_cidrs); !s.ok()) return s;
  absl::StatusOr<std::optional<absl::Time>> expire_time =
      EndOfSuccessor(params.expiration, old_key, (*project)->policy, now);
  if (!expire_time.ok()) return expire_time.status();

  KeyRecord key = WithAttributesOf(old_key);
  key.create_time = now;
  key.created_by = caller.actor();
  key.update_time = now;
  key.expire_time = *expire_time;
  absl::StatusOr<Secret> minted = mint_.Mint(state, (*project)->key_prefix, key);
  if (!minted.ok()) return minted.status();
  raw_key = *std::move(minted);
  return key;
}

void KeyManager::BeginGrace(const KeyId& successor, absl::Time first_use,
                            Done<std::shared_ptr<const KeyRecord>> done) {
  using Replaced = std::shared_ptr<const KeyRecord>;
  runner_.Run<Replaced>(
      absl::InfiniteDuration(), false,
      [this, successor, first_use](const StateReader& state, Replaced& result) {
        return BeginGraceNow(state, successor, first_use, result);
      },
      [done = std::move(done)](absl::StatusOr<Replaced> result,
                               const Committed* committed) mutable {
        if (result.ok() && committed->changed) *result = committed->keys.front();
        done(std::move(result));
      });
}

absl::StatusOr<ChangeSet> KeyManager::BeginGraceNow(
    const StateReader& state, const KeyId& successor, absl::Time first_use,
    std::shared_ptr<const KeyRecord>& result) const {
  absl::StatusOr<std::shared_ptr<const KeyRecord>> key = state.FindKey(successor);
  if (!key.ok()) return key.status();
  if (*key == nullptr || !(*key)->rotated_from.has_value()) return ChangeSet{};
  absl::StatusOr<std::shared_ptr<const KeyRecord>> replaced = state.FindKey(*(*key)->rotated_from);
  if (!replaced.ok()) return replaced.status();
  if (*replaced == nullptr || !(*replaced)->pending_grace.has_value() ||
      (*replaced)->rotated_to != successor) {
    return ChangeSet{};
  }
  const absl::Time now = clock_.Now();
  // A key is not used before it is made, nor in the future, whatever a clock elsewhere says.
  const absl::Time start = std::min(std::max(first_use, (*key)->create_time), now);
  KeyRecord old_key = **replaced;
  const absl::Duration grace = *old_key.pending_grace;
  RunGrace(old_key, start, grace, now);
  ChangeSet changes;
  changes.audit = {
      .actor = "system",
      .peer = "",
      .action = "BeginGrace",
      .project_id = old_key.project_id,
      .key_id = old_key.id.ToString(),
      .detail = fmt::format("{} is in use; the old key {}", successor.text(), StoryOf(old_key)),
      .refusal = ""};
  changes.admission = Admission::kReduction;
  result = std::make_shared<const KeyRecord>(old_key);
  changes.put_keys.push_back(std::move(old_key));
  return changes;
}

}  // namespace claviger
