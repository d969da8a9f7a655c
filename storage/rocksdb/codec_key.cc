// Keys. The other records: codec.cc.
#include <optional>
#include <utility>
#include <vector>

#include "claviger/storage/v1/record.pb.h"
#include "fmt/format.h"
#include "storage/rocksdb/codec.h"
#include "storage/rocksdb/codec_wire.h"

namespace claviger {
namespace {

namespace pb = storage::v1;

pb::StoredEnvironment ToStored(Environment environment) {
  return environment == Environment::kTest ? pb::STORED_ENVIRONMENT_TEST
                                           : pb::STORED_ENVIRONMENT_LIVE;
}

std::optional<Environment> FromStored(pb::StoredEnvironment environment) {
  switch (environment) {
    case pb::STORED_ENVIRONMENT_LIVE:
      return Environment::kLive;
    case pb::STORED_ENVIRONMENT_TEST:
      return Environment::kTest;
    default:
      return std::nullopt;
  }
}

constexpr std::pair<RevokeReason, pb::StoredRevokeReason> kReasons[] = {
    {RevokeReason::kUnspecified, pb::STORED_REVOKE_REASON_UNSPECIFIED},
    {RevokeReason::kCompromised, pb::STORED_REVOKE_REASON_COMPROMISED},
    {RevokeReason::kSuperseded, pb::STORED_REVOKE_REASON_SUPERSEDED},
    {RevokeReason::kOwnerLeft, pb::STORED_REVOKE_REASON_OWNER_LEFT},
    {RevokeReason::kUnused, pb::STORED_REVOKE_REASON_UNUSED},
    {RevokeReason::kPolicy, pb::STORED_REVOKE_REASON_POLICY},
    {RevokeReason::kOther, pb::STORED_REVOKE_REASON_OTHER},
};

pb::StoredRevokeReason ToStored(RevokeReason reason) {
  for (const auto& [ours, stored] : kReasons) {
    if (ours == reason) return stored;
  }
  return pb::STORED_REVOKE_REASON_UNSPECIFIED;
}

std::optional<RevokeReason> FromStored(pb::StoredRevokeReason reason) {
  for (const auto& [ours, stored] : kReasons) {
    if (stored == reason) return ours;
  }
  return std::nullopt;
}

}  // namespace

std::string EncodeKey(const KeyRecord& key) {
  pb::StoredKey stored;
  stored.set_project_id(key.project_id);
  stored.set_display_name(key.display_name);
  stored.set_description(key.description);
  stored.set_environment(ToStored(key.environment));
  stored.set_prefix(key.prefix);
  stored.set_masked_key(key.masked_key);
  stored.set_digest(wire::FromBytes32(key.digest.bytes));
  stored.set_pepper_id(key.pepper_id);
  for (const std::string& scope : key.scopes.scopes()) stored.add_scopes(scope);
  for (const Cidr& cidr : key.allowed_cidrs) stored.add_allowed_cidrs(cidr.ToString());
  for (const std::string& id : key.bound_project_ids) stored.add_bound_project_ids(id);
  stored.set_owner(key.owner);
  for (const auto& [name, value] : key.labels) {
    pb::StoredLabel* label = stored.add_labels();
    label->set_name(name);
    label->set_value(value);
  }
  stored.set_metadata(key.metadata);
  stored.set_create_time_ns(wire::FromTime(key.create_time));
  stored.set_created_by(key.created_by);
  stored.set_update_time_ns(wire::FromTime(key.update_time));
  if (key.expire_time) stored.set_expire_time_ns(wire::FromTime(*key.expire_time));
  stored.set_disabled(key.disabled);
  if (key.revocation) {
    pb::StoredRevocation* revocation = stored.mutable_revocation();
    revocation->set_time_ns(wire::FromTime(key.revocation->time));
    revocation->set_reason(ToStored(key.revocation->reason));
    revocation->set_note(key.revocation->note);
  }
  if (key.rotated_from) stored.set_rotated_from(key.rotated_from->ToString());
  if (key.rotated_to) stored.set_rotated_to(key.rotated_to->ToString());
  if (key.delete_time) stored.set_delete_time_ns(wire::FromTime(*key.delete_time));
  if (key.rotate_time) stored.set_rotate_time_ns(wire::FromTime(*key.rotate_time));
  if (key.pending_grace) {
    stored.set_pending_grace_ns(absl::ToInt64Nanoseconds(*key.pending_grace));
  }
  if (key.imported) stored.set_imported(static_cast<uint32_t>(*key.imported));
  stored.set_revision(key.revision.value);
  return wire::Wrap(stored);
}

absl::StatusOr<KeyRecord> DecodeKey(const KeyId& id, std::string_view value) {
  const auto row = [&id] { return fmt::format("keys/{}", id.text()); };
  pb::StoredKey stored;
  if (auto status = wire::Unwrap(row(), value, stored); !status.ok()) return status;

  KeyRecord key;
  key.id = id;
  key.project_id = std::move(*stored.mutable_project_id());
  key.display_name = std::move(*stored.mutable_display_name());
  key.description = std::move(*stored.mutable_description());
  const auto environment = FromStored(stored.environment());
  if (!environment) return wire::Damaged(row(), "environment");
  key.environment = *environment;
  key.prefix = std::move(*stored.mutable_prefix());
  key.masked_key = std::move(*stored.mutable_masked_key());
  if (!wire::ToBytes32(stored.digest(), key.digest.bytes)) return wire::Damaged(row(), "digest");
  key.pepper_id = std::move(*stored.mutable_pepper_id());
  key.scopes = ScopeSet::FromTrusted({stored.scopes().begin(), stored.scopes().end()});
  for (const std::string& text : stored.allowed_cidrs()) {
    const auto cidr = Cidr::Parse(text);
    if (!cidr) return wire::Damaged(row(), "allowed_cidrs");
    key.allowed_cidrs.push_back(*cidr);
  }
  key.bound_project_ids = {stored.bound_project_ids().begin(), stored.bound_project_ids().end()};
  key.owner = std::move(*stored.mutable_owner());
  for (pb::StoredLabel& label : *stored.mutable_labels()) {
    key.labels.emplace(std::move(*label.mutable_name()), std::move(*label.mutable_value()));
  }
  key.metadata = std::move(*stored.mutable_metadata());
  key.create_time = wire::ToTime(stored.create_time_ns());
  key.created_by = std::move(*stored.mutable_created_by());
  key.update_time = wire::ToTime(stored.update_time_ns());
  if (stored.has_expire_time_ns()) key.expire_time = wire::ToTime(stored.expire_time_ns());
  key.disabled = stored.disabled();
  if (stored.has_revocation()) {
    const auto reason = FromStored(stored.revocation().reason());
    if (!reason) return wire::Damaged(row(), "revocation.reason");
    key.revocation = Revocation{.time = wire::ToTime(stored.revocation().time_ns()),
                                .reason = *reason,
                                .note = stored.revocation().note()};
  }
  if (!wire::ToOptionalKeyId(stored.rotated_from(), key.rotated_from)) {
    return wire::Damaged(row(), "rotated_from");
  }
  if (!wire::ToOptionalKeyId(stored.rotated_to(), key.rotated_to)) {
    return wire::Damaged(row(), "rotated_to");
  }
  if (stored.has_delete_time_ns()) key.delete_time = wire::ToTime(stored.delete_time_ns());
  if (stored.has_rotate_time_ns()) key.rotate_time = wire::ToTime(stored.rotate_time_ns());
  if (stored.has_pending_grace_ns()) {
    key.pending_grace = absl::Nanoseconds(stored.pending_grace_ns());
  }
  if (stored.imported() > static_cast<uint32_t>(ImportAlgorithm::kSha512)) {
    return wire::Damaged(row(), "imported");
  }
  if (stored.imported() != 0) key.imported = static_cast<ImportAlgorithm>(stored.imported());
  key.revision = Revision{stored.revision()};
  return key;
}

}  // namespace claviger
