#include "tests/crash/key_model.h"

#include <algorithm>
#include <vector>

#include "fmt/format.h"
#include "google/protobuf/util/message_differencer.h"

namespace claviger::crash {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Timestamp;

// No server of ours chooses the first second of 1970.
bool IsChosenByServer(const Timestamp& time) { return time.seconds() == 1 && time.nanos() == 0; }

// Takes over the times that were the server's to choose; one that is not there stays wanted.
void TakeTimes(const Message& observed, Message& wanted) {
  std::vector<const FieldDescriptor*> fields;
  wanted.GetReflection()->ListFields(wanted, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->message_type() != Timestamp::descriptor() || field->is_repeated()) continue;
    Message* time = wanted.GetReflection()->MutableMessage(&wanted, field);
    if (IsChosenByServer(static_cast<const Timestamp&>(*time)) &&
        observed.GetReflection()->HasField(observed, field)) {
      time->CopyFrom(observed.GetReflection()->GetMessage(observed, field));
    }
  }
}

template <typename Record>
std::optional<std::string> Difference(const Record& wanted, const Record& observed) {
  google::protobuf::util::MessageDifferencer differencer;
  std::string report;
  differencer.ReportDifferencesToString(&report);
  if (differencer.Compare(wanted, observed)) return std::nullopt;
  std::replace(report.begin(), report.end(), '\n', ';');
  return report;
}

// The revision that `observed` may have: of a changed record one that is above the wanted one.
template <typename Record>
void TakeRevision(const Record& observed, Record& wanted) {
  if (!IsChosenByServer(wanted.update_time())) return;
  wanted.set_revision(std::max(observed.revision(), wanted.revision() + 1));
}

template <typename Record>
void Touch(Record& record) {
  *record.mutable_update_time() = ChosenByServer();
}

// What the attributes of a request and of a row make alike.
template <typename Attributes>
v1::Key Made(const Attributes& attributes, const std::string& project_id,
             const std::string& creator) {
  v1::Key key;
  key.set_project_id(project_id);
  key.set_display_name(attributes.display_name());
  key.set_description(attributes.description());
  key.set_environment(attributes.environment() == v1::ENVIRONMENT_UNSPECIFIED
                          ? v1::ENVIRONMENT_LIVE
                          : attributes.environment());
  key.set_state(v1::KEY_STATE_ACTIVE);
  *key.mutable_scopes() = attributes.scopes();
  std::sort(key.mutable_scopes()->begin(), key.mutable_scopes()->end());
  *key.mutable_allowed_cidrs() = attributes.allowed_cidrs();
  key.set_owner(attributes.owner());
  *key.mutable_labels() = attributes.labels();
  if (attributes.has_metadata()) *key.mutable_metadata() = attributes.metadata();
  if (attributes.has_expire_time()) *key.mutable_expire_time() = attributes.expire_time();
  *key.mutable_create_time() = ChosenByServer();
  key.set_created_by(creator);
  Touch(key);
  return key;
}

}  // namespace

Timestamp ChosenByServer() {
  Timestamp time;
  time.set_seconds(1);
  return time;
}

v1::Key Issued(const v1::IssueKeyRequest& request, const std::string& creator) {
  return Made(request, request.project_id(), creator);
}

v1::Key Imported(const std::string& project_id, const v1::ImportedKey& row,
                 const std::string& creator) {
  v1::Key key = Made(row, project_id, creator);
  key.set_imported(true);
  key.set_masked_key(row.masked_key());
  return key;
}

v1::Key SuccessorOf(const v1::Key& key, const std::string& creator) {
  v1::Key successor;
  successor.set_project_id(key.project_id());
  successor.set_display_name(key.display_name());
  successor.set_description(key.description());
  successor.set_environment(key.environment());
  successor.set_state(v1::KEY_STATE_ACTIVE);
  *successor.mutable_scopes() = key.scopes();
  *successor.mutable_allowed_cidrs() = key.allowed_cidrs();
  successor.set_owner(key.owner());
  *successor.mutable_labels() = key.labels();
  if (key.has_metadata()) *successor.mutable_metadata() = key.metadata();
  // As long a life as the old one was given.
  if (key.has_expire_time()) *successor.mutable_expire_time() = ChosenByServer();
  *successor.mutable_create_time() = ChosenByServer();
  successor.set_created_by(creator);
  successor.set_rotated_from(key.key_id());
  Touch(successor);
  return successor;
}

v1::Key Revoked(v1::Key key, v1::RevokeReason reason, const std::string& note) {
  key.set_state(v1::KEY_STATE_REVOKED);
  *key.mutable_revoke_time() = ChosenByServer();
  key.set_revoke_reason(reason);
  key.set_revoke_note(note);
  Touch(key);
  return key;
}

v1::Key Disabled(v1::Key key) {
  key.set_state(v1::KEY_STATE_DISABLED);
  Touch(key);
  return key;
}

v1::Key Enabled(v1::Key key) {
  key.set_state(v1::KEY_STATE_ACTIVE);
  Touch(key);
  return key;
}

v1::Key WithScopes(v1::Key key, const v1::ScopeList& scopes) {
  *key.mutable_scopes() = scopes.scopes();
  std::sort(key.mutable_scopes()->begin(), key.mutable_scopes()->end());
  Touch(key);
  return key;
}

v1::Key Updated(v1::Key key, const v1::UpdateKeyRequest& request) {
  for (const std::string& path : request.update_mask().paths()) {
    if (path == "display_name") key.set_display_name(request.key().display_name());
    if (path == "owner") key.set_owner(request.key().owner());
    if (path == "labels") *key.mutable_labels() = request.key().labels();
    if (path == "metadata") *key.mutable_metadata() = request.key().metadata();
    if (path == "expire_time") *key.mutable_expire_time() = request.key().expire_time();
  }
  Touch(key);
  return key;
}

v1::Key Replaced(v1::Key key, bool has_grace) {
  if (has_grace) {
    *key.mutable_expire_time() = ChosenByServer();
  } else {
    key = Revoked(std::move(key), v1::REVOKE_REASON_SUPERSEDED, "");
  }
  key.set_rotated_to(kSomeKey);
  *key.mutable_rotate_time() = ChosenByServer();
  Touch(key);
  return key;
}

v1::Key Deleted(v1::Key key, v1::RevokeReason reason, const std::string& note) {
  if (!key.has_revoke_time()) key = Revoked(std::move(key), reason, note);
  key.set_state(v1::KEY_STATE_DELETED);
  *key.mutable_delete_time() = ChosenByServer();
  *key.mutable_purge_time() = ChosenByServer();
  Touch(key);
  return key;
}

v1::Key Undeleted(v1::Key key) {
  key.set_state(v1::KEY_STATE_REVOKED);
  key.clear_delete_time();
  key.clear_purge_time();
  Touch(key);
  return key;
}

bool IsRevoked(const v1::Key& key) {
  return key.state() == v1::KEY_STATE_REVOKED || key.state() == v1::KEY_STATE_DELETED;
}

v1::Key WithoutUse(v1::Key key) {
  key.clear_last_used_time();
  key.clear_last_used_address();
  key.clear_last_used_by();
  key.clear_used_since_rotation();
  key.clear_recent_valid_count();
  key.clear_recent_denied_count();
  return key;
}

std::optional<std::string> DifferenceFrom(const v1::Key& wanted, const v1::Key& observed) {
  v1::Key whole = wanted;
  TakeRevision(observed, whole);
  TakeTimes(observed, whole);
  if (whole.key_id().empty()) {
    whole.set_key_id(observed.key_id());
    if (!whole.imported()) {
      whole.set_key_prefix(
          fmt::format("clv_{}_{}", whole.environment() == v1::ENVIRONMENT_TEST ? "test" : "live",
                      observed.key_id()));
      whole.set_masked_key(observed.masked_key());
    }
  }
  if (whole.rotated_to() == kSomeKey && !observed.rotated_to().empty()) {
    whole.set_rotated_to(observed.rotated_to());
  }
  return Difference(whole, WithoutUse(observed));
}

std::optional<std::string> DifferenceFromDoomed(const v1::Key& wanted, const v1::Key& observed) {
  v1::Key whole = wanted;
  if (!IsRevoked(wanted)) {
    whole = Revoked(std::move(whole), v1::REVOKE_REASON_OTHER, "the project was deleted");
  }
  if (observed.state() == v1::KEY_STATE_DELETED && !whole.has_delete_time()) {
    whole = Deleted(std::move(whole), v1::REVOKE_REASON_UNSPECIFIED, "");
  }
  // Before the sweep has come to it the record itself is as it was.
  Touch(whole);
  if (observed.revision() == whole.revision())
    *whole.mutable_update_time() = observed.update_time();
  return DifferenceFrom(whole, observed);
}

v1::Project Created(const v1::Project& asked) {
  v1::Project project = asked;
  if (project.key_prefix().empty()) project.set_key_prefix("clv");
  project.mutable_policy();
  *project.mutable_create_time() = ChosenByServer();
  Touch(project);
  return project;
}

v1::Project Renamed(v1::Project project, const std::string& display_name) {
  project.set_display_name(display_name);
  Touch(project);
  return project;
}

std::optional<std::string> DifferenceFrom(const v1::Project& wanted, const v1::Project& observed) {
  v1::Project whole = wanted;
  TakeRevision(observed, whole);
  TakeTimes(observed, whole);
  return Difference(whole, observed);
}

}  // namespace claviger::crash
