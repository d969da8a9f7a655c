#include "server/rpc/answers.h"

#include "core/lifecycle.h"

namespace claviger {
namespace {

// The numbers of each pair of enums agree: these checks stand in for a table.
static_assert(static_cast<int>(VerifyCode::kValid) == v1::VERIFY_CODE_VALID);
static_assert(static_cast<int>(VerifyCode::kNotFound) == v1::VERIFY_CODE_NOT_FOUND);
static_assert(static_cast<int>(VerifyCode::kDisabled) == v1::VERIFY_CODE_DISABLED);
static_assert(static_cast<int>(VerifyCode::kExpired) == v1::VERIFY_CODE_EXPIRED);
static_assert(static_cast<int>(VerifyCode::kRevoked) == v1::VERIFY_CODE_REVOKED);
static_assert(static_cast<int>(VerifyCode::kInsufficientScope) ==
              v1::VERIFY_CODE_INSUFFICIENT_SCOPE);
static_assert(static_cast<int>(VerifyCode::kAddressNotAllowed) ==
              v1::VERIFY_CODE_ADDRESS_NOT_ALLOWED);
static_assert(static_cast<int>(VerifyCode::kRateLimited) == v1::VERIFY_CODE_RATE_LIMITED);
static_assert(static_cast<int>(VerifyCode::kQuotaExceeded) == v1::VERIFY_CODE_QUOTA_EXCEEDED);
static_assert(static_cast<int>(KeyState::kActive) == v1::KEY_STATE_ACTIVE);
static_assert(static_cast<int>(KeyState::kDisabled) == v1::KEY_STATE_DISABLED);
static_assert(static_cast<int>(KeyState::kExpired) == v1::KEY_STATE_EXPIRED);
static_assert(static_cast<int>(KeyState::kRevoked) == v1::KEY_STATE_REVOKED);
static_assert(static_cast<int>(KeyState::kDeleted) == v1::KEY_STATE_DELETED);
static_assert(static_cast<int>(Environment::kLive) == v1::ENVIRONMENT_LIVE);
static_assert(static_cast<int>(Environment::kTest) == v1::ENVIRONMENT_TEST);
static_assert(static_cast<int>(RevokeReason::kCompromised) == v1::REVOKE_REASON_COMPROMISED);
static_assert(static_cast<int>(RevokeReason::kSuperseded) == v1::REVOKE_REASON_SUPERSEDED);
static_assert(static_cast<int>(RevokeReason::kOwnerLeft) == v1::REVOKE_REASON_OWNER_LEFT);
static_assert(static_cast<int>(RevokeReason::kUnused) == v1::REVOKE_REASON_UNUSED);
static_assert(static_cast<int>(RevokeReason::kPolicy) == v1::REVOKE_REASON_POLICY);
static_assert(static_cast<int>(RevokeReason::kOther) == v1::REVOKE_REASON_OTHER);

}  // namespace

void FillTime(absl::Time time, google::protobuf::Timestamp& out) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  out.set_seconds(seconds);
  out.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

void FillDuration(absl::Duration duration, google::protobuf::Duration& out) {
  out.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  out.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
}

void FillKey(const KeyRecord& key, absl::Time now, v1::Key& out) {
  out.set_key_id(key.id.ToString());
  out.set_project_id(key.project_id);
  out.set_display_name(key.display_name);
  out.set_description(key.description);
  out.set_environment(static_cast<v1::Environment>(key.environment));
  // The text of a key that was made elsewhere has no head that names it.
  if (!key.imported.has_value()) {
    out.set_key_prefix(PublicPrefix(key.prefix, key.environment, key.id));
  }
  out.set_imported(key.imported.has_value());
  out.set_masked_key(key.masked_key);
  out.set_state(ToProto(StateOf(key, now)));
  for (const std::string& scope : key.scopes.scopes()) out.add_scopes(scope);
  for (const Cidr& cidr : key.allowed_cidrs) out.add_allowed_cidrs(cidr.ToString());
  for (const std::string& id : key.bound_project_ids) out.add_bound_project_ids(id);
  out.set_owner(key.owner);
  out.mutable_labels()->insert(key.labels.begin(), key.labels.end());
  if (!key.metadata.empty()) out.mutable_metadata()->ParseFromString(key.metadata);
  FillTime(key.create_time, *out.mutable_create_time());
  out.set_created_by(key.created_by);
  FillTime(key.update_time, *out.mutable_update_time());
  if (key.expire_time.has_value()) FillTime(*key.expire_time, *out.mutable_expire_time());
  if (key.revocation.has_value()) {
    FillTime(key.revocation->time, *out.mutable_revoke_time());
    out.set_revoke_reason(static_cast<v1::RevokeReason>(key.revocation->reason));
    out.set_revoke_note(key.revocation->note);
  }
  if (key.rotated_from.has_value()) out.set_rotated_from(key.rotated_from->ToString());
  if (key.rotated_to.has_value()) out.set_rotated_to(key.rotated_to->ToString());
  if (key.delete_time.has_value()) FillTime(*key.delete_time, *out.mutable_delete_time());
  if (key.rotate_time.has_value()) FillTime(*key.rotate_time, *out.mutable_rotate_time());
  // A revoked key has no grace to wait for.
  if (key.pending_grace.has_value() && !key.revocation.has_value()) {
    FillDuration(*key.pending_grace, *out.mutable_pending_grace());
  }
  out.set_revision(key.revision.value);
}

void FillPurgeTime(const KeyRecord& key, absl::Duration deleted_key_retention, v1::Key& out) {
  if (!key.delete_time.has_value()) return;
  FillTime(*key.delete_time + deleted_key_retention, *out.mutable_purge_time());
}

void FillProject(const ProjectRecord& project, v1::Project& out) {
  out.set_project_id(project.project_id);
  out.set_display_name(project.display_name);
  out.set_key_prefix(project.key_prefix);
  for (const std::string& scope : project.scope_catalog.scopes()) out.add_scope_catalog(scope);
  v1::ProjectPolicy& policy = *out.mutable_policy();
  if (project.policy.max_key_ttl.has_value()) {
    FillDuration(*project.policy.max_key_ttl, *policy.mutable_max_key_ttl());
  }
  if (project.policy.default_key_ttl.has_value()) {
    FillDuration(*project.policy.default_key_ttl, *policy.mutable_default_key_ttl());
  }
  policy.set_require_expiry(project.policy.require_expiry);
  policy.set_allowed_cidrs_required(project.policy.allowed_cidrs_required);
  FillTime(project.create_time, *out.mutable_create_time());
  FillTime(project.update_time, *out.mutable_update_time());
  out.set_revision(project.revision.value);
}

void FillGrant(const KeyRecord& key, v1::Grant& out) {
  out.set_key_id(key.id.ToString());
  out.set_project_id(key.project_id);
  out.set_owner(key.owner);
  out.set_environment(static_cast<v1::Environment>(key.environment));
  for (const std::string& scope : key.scopes.scopes()) out.add_scopes(scope);
  out.mutable_labels()->insert(key.labels.begin(), key.labels.end());
  if (!key.metadata.empty()) out.mutable_metadata()->ParseFromString(key.metadata);
  if (key.expire_time.has_value()) FillTime(*key.expire_time, *out.mutable_expire_time());
  for (const Cidr& cidr : key.allowed_cidrs) out.add_allowed_cidrs(cidr.ToString());
}

v1::VerifyCode ToProto(VerifyCode code) { return static_cast<v1::VerifyCode>(code); }
v1::KeyState ToProto(KeyState state) { return static_cast<v1::KeyState>(state); }

}  // namespace claviger
