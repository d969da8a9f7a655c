// All records but keys, which are in codec_key.cc.
#include "storage/rocksdb/codec.h"

#include <limits>
#include <utility>

#include "claviger/storage/v1/record.pb.h"
#include "fmt/format.h"
#include "storage/rocksdb/codec_wire.h"

namespace claviger {
namespace {

namespace pb = storage::v1;

// How "never" stands in StoreState.highest_time_ns.
constexpr int64_t kNeverNs = std::numeric_limits<int64_t>::min();

std::string RevisionName(std::string_view family, Revision revision) {
  return fmt::format("{}/{}", family, revision.value);
}

}  // namespace

std::string EncodeProject(const ProjectRecord& project) {
  pb::StoredProject stored;
  stored.set_display_name(project.display_name);
  stored.set_key_prefix(project.key_prefix);
  for (const std::string& scope : project.scope_catalog.scopes()) stored.add_scope_catalog(scope);
  const ProjectPolicy& policy = project.policy;
  if (policy.max_key_ttl) {
    stored.set_max_key_ttl_ns(absl::ToInt64Nanoseconds(*policy.max_key_ttl));
  }
  if (policy.default_key_ttl) {
    stored.set_default_key_ttl_ns(absl::ToInt64Nanoseconds(*policy.default_key_ttl));
  }
  stored.set_require_expiry(policy.require_expiry);
  stored.set_allowed_cidrs_required(policy.allowed_cidrs_required);
  stored.set_create_time_ns(wire::FromTime(project.create_time));
  stored.set_update_time_ns(wire::FromTime(project.update_time));
  if (project.delete_time) stored.set_delete_time_ns(wire::FromTime(*project.delete_time));
  stored.set_revision(project.revision.value);
  return wire::Wrap(stored);
}

absl::StatusOr<ProjectRecord> DecodeProject(const std::string& project_id, std::string_view value) {
  pb::StoredProject stored;
  if (auto status = wire::Unwrap(fmt::format("projects/{}", project_id), value, stored);
      !status.ok()) {
    return status;
  }
  ProjectRecord project;
  project.project_id = project_id;
  project.display_name = stored.display_name();
  project.key_prefix = stored.key_prefix();
  project.scope_catalog =
      ScopeSet::FromTrusted({stored.scope_catalog().begin(), stored.scope_catalog().end()});
  if (stored.has_max_key_ttl_ns()) {
    project.policy.max_key_ttl = absl::Nanoseconds(stored.max_key_ttl_ns());
  }
  if (stored.has_default_key_ttl_ns()) {
    project.policy.default_key_ttl = absl::Nanoseconds(stored.default_key_ttl_ns());
  }
  project.policy.require_expiry = stored.require_expiry();
  project.policy.allowed_cidrs_required = stored.allowed_cidrs_required();
  project.create_time = wire::ToTime(stored.create_time_ns());
  project.update_time = wire::ToTime(stored.update_time_ns());
  if (stored.has_delete_time_ns()) project.delete_time = wire::ToTime(stored.delete_time_ns());
  project.revision = Revision{stored.revision()};
  return project;
}

std::string EncodeRequest(const RequestRecord& request) {
  pb::StoredRequest stored;
  stored.set_expire_time_ns(wire::FromTime(request.expire_time));
  stored.set_arguments_hash(wire::FromBytes32(request.arguments_hash));
  stored.set_key_id(request.key_id.ToString());
  stored.set_pepper_id(request.pepper_id);
  stored.set_sealed_secret(request.sealed_secret);
  return wire::Wrap(stored);
}

absl::StatusOr<RequestRecord> DecodeRequest(const std::string& id, std::string_view value) {
  // The id is a caller's word, so it does not go into messages.
  constexpr std::string_view kRow = "of family requests";
  pb::StoredRequest stored;
  if (auto status = wire::Unwrap(kRow, value, stored); !status.ok()) return status;
  RequestRecord request;
  request.id = id;
  if (!wire::ToBytes32(stored.arguments_hash(), request.arguments_hash)) {
    return wire::Damaged(kRow, "arguments_hash");
  }
  const auto key_id = KeyId::Parse(stored.key_id());
  if (!key_id) return wire::Damaged(kRow, "key_id");
  request.key_id = *key_id;
  request.pepper_id = stored.pepper_id();
  request.sealed_secret = stored.sealed_secret();
  request.expire_time = wire::ToTime(stored.expire_time_ns());
  return request;
}

std::string EncodeEvent(const Event& event) {
  pb::StoredEvent stored;
  for (const auto& [key_id, project_id] : event.keys) {
    pb::StoredEventKey* key = stored.add_keys();
    key->set_key_id(key_id.ToString());
    key->set_project_id(project_id);
  }
  for (const std::string& id : event.projects) stored.add_project_ids(id);
  return wire::Wrap(stored);
}

absl::StatusOr<Event> DecodeEvent(Revision revision, std::string_view value) {
  const std::string row = RevisionName("events", revision);
  pb::StoredEvent stored;
  if (auto status = wire::Unwrap(row, value, stored); !status.ok()) return status;
  Event event;
  event.revision = revision;
  for (const pb::StoredEventKey& key : stored.keys()) {
    const auto key_id = KeyId::Parse(key.key_id());
    if (!key_id) return wire::Damaged(row, "keys");
    event.keys.emplace_back(*key_id, key.project_id());
  }
  event.projects = {stored.project_ids().begin(), stored.project_ids().end()};
  return event;
}

std::string EncodeAuditEntry(const AuditEntry& entry) {
  pb::StoredAuditEntry stored;
  stored.set_revision(entry.revision.value);
  stored.set_time_ns(wire::FromTime(entry.time));
  stored.set_actor(entry.draft.actor);
  stored.set_peer(entry.draft.peer);
  stored.set_action(entry.draft.action);
  stored.set_project_id(entry.draft.project_id);
  stored.set_key_id(entry.draft.key_id);
  stored.set_detail(entry.draft.detail);
  stored.set_refusal(entry.draft.refusal);
  stored.set_previous_hash(wire::FromBytes32(entry.previous_hash));
  return wire::Wrap(stored);
}

absl::StatusOr<AuditEntry> DecodeAuditEntry(Revision revision, std::string_view value) {
  const std::string row = RevisionName("audit", revision);
  pb::StoredAuditEntry stored;
  if (auto status = wire::Unwrap(row, value, stored); !status.ok()) return status;
  AuditEntry entry;
  entry.revision = Revision{stored.revision()};
  if (entry.revision != revision) return wire::Damaged(row, "revision");
  entry.time = wire::ToTime(stored.time_ns());
  entry.draft = AuditDraft{.actor = stored.actor(),
                           .peer = stored.peer(),
                           .action = stored.action(),
                           .project_id = stored.project_id(),
                           .key_id = stored.key_id(),
                           .detail = stored.detail(),
                           .refusal = stored.refusal()};
  if (!wire::ToBytes32(stored.previous_hash(), entry.previous_hash)) {
    return wire::Damaged(row, "previous_hash");
  }
  return entry;
}

std::string EncodeState(const PersistedState& state) {
  pb::StoreState stored;
  stored.set_epoch(state.epoch.ToBytes());
  stored.set_revision(state.revision.value);
  stored.set_highest_time_ns(
      state.highest_time == absl::InfinitePast() ? kNeverNs : wire::FromTime(state.highest_time));
  pb::StoredKeyCounts* counts = stored.mutable_counts();
  counts->set_enabled(state.counts.enabled);
  counts->set_disabled(state.counts.disabled);
  counts->set_revoked(state.counts.revoked);
  counts->set_deleted(state.counts.deleted);
  stored.set_audit_head(wire::FromBytes32(state.audit_head));
  stored.set_first_event_revision(state.first_event.value);
  for (const auto& [pepper_id, keys] : state.keys_by_pepper) {
    pb::StoredPepperCount* count = stored.add_keys_by_pepper();
    count->set_pepper_id(pepper_id);
    count->set_keys(keys);
  }
  return wire::Wrap(stored);
}

absl::StatusOr<PersistedState> DecodeState(std::string_view value) {
  constexpr std::string_view kRow = "meta/state";
  pb::StoreState stored;
  if (auto status = wire::Unwrap(kRow, value, stored); !status.ok()) return status;
  PersistedState state;
  const auto epoch = Epoch::FromBytes(stored.epoch());
  if (!epoch.ok()) return wire::Damaged(kRow, "epoch");
  state.epoch = *epoch;
  state.revision = Revision{stored.revision()};
  if (stored.highest_time_ns() != kNeverNs) {
    state.highest_time = wire::ToTime(stored.highest_time_ns());
  }
  state.counts = {.enabled = stored.counts().enabled(),
                  .disabled = stored.counts().disabled(),
                  .revoked = stored.counts().revoked(),
                  .deleted = stored.counts().deleted()};
  if (!wire::ToBytes32(stored.audit_head(), state.audit_head)) {
    return wire::Damaged(kRow, "audit_head");
  }
  state.first_event = Revision{stored.first_event_revision()};
  for (const pb::StoredPepperCount& count : stored.keys_by_pepper()) {
    state.keys_by_pepper[count.pepper_id()] = count.keys();
  }
  return state;
}

std::string EncodeCanary(const KeyDigest& digest) {
  pb::StoredCanary stored;
  stored.set_digest(wire::FromBytes32(digest.bytes));
  return wire::Wrap(stored);
}

absl::StatusOr<KeyDigest> DecodeCanary(const std::string& pepper_id, std::string_view value) {
  const std::string row = fmt::format("meta/canary/{}", pepper_id);
  pb::StoredCanary stored;
  if (auto status = wire::Unwrap(row, value, stored); !status.ok()) return status;
  KeyDigest digest;
  if (!wire::ToBytes32(stored.digest(), digest.bytes)) return wire::Damaged(row, "digest");
  return digest;
}

std::string EncodeLongestLease(absl::Duration lease) {
  pb::StoredLongestLease stored;
  stored.set_nanoseconds(absl::ToInt64Nanoseconds(lease));
  return wire::Wrap(stored);
}

absl::StatusOr<absl::Duration> DecodeLongestLease(std::string_view value) {
  constexpr const char* kRow = "meta/longest_lease";
  pb::StoredLongestLease stored;
  if (auto status = wire::Unwrap(kRow, value, stored); !status.ok()) return status;
  if (stored.nanoseconds() < 0) return wire::Damaged(kRow, "nanoseconds");
  return absl::Nanoseconds(stored.nanoseconds());
}

}  // namespace claviger
