#include "tests/crash/honest_server.h"

#include <utility>

#include "fmt/format.h"
#include "tests/crash/key_model.h"

namespace claviger::crash {
namespace {

constexpr char kCreator[] = "key:root";

void Choose(google::protobuf::Timestamp* time, uint64_t revision) {
  if (time->seconds() == ChosenByServer().seconds()) {
    time->set_seconds(1'900'000'000 + static_cast<int64_t>(revision));
  }
}

}  // namespace

Call HonestServer::IssueCall(const std::string& name, const std::string& owner) {
  v1::IssueKeyRequest request;
  request.set_project_id(kDefaultProject);
  request.set_display_name(name);
  request.set_owner(owner);
  (*request.mutable_labels())[kBatchLabel] = "1";
  request.set_request_id(name);
  Call call;
  call.action = "IssueKey";
  call.project_id = kDefaultProject;
  call.effects.push_back({.key_id = "", .wanted = Issued(request, kCreator)});
  call.request = request;
  return call;
}

Call HonestServer::ChangeCall(const std::string& action, const std::string& key_id,
                              v1::Key wanted) {
  Call call;
  call.action = action;
  call.project_id = wanted.project_id();
  call.effects.push_back({.key_id = key_id, .wanted = std::move(wanted)});
  return call;
}

Call HonestServer::RotateCall(const std::string& key_id, bool has_grace) {
  const v1::Key& key = keys.at(key_id);
  Call call = ChangeCall("RotateKey", key_id, Replaced(key, has_grace));
  call.effects.push_back({.key_id = "", .wanted = SuccessorOf(key, kCreator)});
  call.whole = true;
  call.request = v1::RotateKeyRequest();
  return call;
}

Call HonestServer::RevokeManyCall(const std::vector<std::string>& key_ids) {
  Call call;
  call.action = "RevokeKey";
  call.project_id = kDefaultProject;
  for (const std::string& id : key_ids) {
    call.effects.push_back(
        {.key_id = id, .wanted = Revoked(keys.at(id), v1::REVOKE_REASON_POLICY, "")});
  }
  return call;
}

Call HonestServer::CreateProjectCall(const std::string& project_id) {
  v1::Project asked;
  asked.set_project_id(project_id);
  Call call;
  call.action = "CreateProject";
  call.project_id = project_id;
  call.project = {.project_id = project_id, .wanted = Created(asked)};
  return call;
}

Call HonestServer::DeleteProjectCall(const std::string& project_id) {
  Call call;
  call.action = "DeleteProject";
  call.project_id = project_id;
  call.project = {.project_id = project_id, .wanted = std::nullopt};
  return call;
}

v1::Key HonestServer::Resolve(v1::Key key, uint64_t revision) {
  if (key.key_id().empty()) {
    key.set_key_id(fmt::format("key{:013}", ++ids_));
    key.set_key_prefix(fmt::format("clv_live_{}", key.key_id()));
    key.set_masked_key("clv_live…abcd");
  }
  key.set_revision(revision);
  Choose(key.mutable_update_time(), revision);
  Choose(key.mutable_create_time(), revision);
  if (key.has_revoke_time()) Choose(key.mutable_revoke_time(), revision);
  if (key.has_delete_time()) Choose(key.mutable_delete_time(), revision);
  if (key.has_purge_time()) Choose(key.mutable_purge_time(), revision);
  if (key.has_rotate_time()) Choose(key.mutable_rotate_time(), revision);
  if (key.has_expire_time()) Choose(key.mutable_expire_time(), revision);
  return key;
}

v1::Key HonestServer::DoOne(const Call& call, const Effect& effect, uint64_t revision) {
  v1::Key key = Resolve(effect.wanted, revision);
  if (call.whole && effect.key_id.empty()) {
    keys.at(call.effects[0].key_id).set_rotated_to(key.key_id());
  }
  return keys[key.key_id()] = key;
}

std::vector<v1::Key> HonestServer::DoWithoutEntry(const Call& call) {
  std::vector<std::string> ids;
  for (const Effect& effect : call.effects) {
    ids.push_back(DoOne(call, effect, head_.revision.value + 1).key_id());
  }
  std::vector<v1::Key> records;
  for (const std::string& id : ids) records.push_back(keys.at(id));
  return records;
}

std::vector<v1::Key> HonestServer::Do(const Call& call) {
  if (call.project.has_value()) {
    const auto& wanted = call.project->wanted;
    projects.erase(call.project->project_id);
    Log(call.action, call.project_id, "");
    if (!wanted.has_value()) return {};
    v1::Project project = *wanted;
    project.set_revision(head_.revision.value);
    Choose(project.mutable_create_time(), project.revision());
    Choose(project.mutable_update_time(), project.revision());
    projects[project.project_id()] = project;
    return {};
  }
  if (call.whole) {
    const std::vector<v1::Key> records = DoWithoutEntry(call);
    Log(call.action, call.project_id, records[0].key_id());
    return records;
  }
  std::vector<v1::Key> records;
  for (const Effect& effect : call.effects) {
    records.push_back(DoOne(call, effect, head_.revision.value + 1));
    Log(call.action, call.project_id, records.back().key_id());
  }
  return records;
}

void HonestServer::Log(const std::string& action, const std::string& project_id,
                       const std::string& key_id) {
  const AuditEntry entry{.revision = head_.revision.Next(),
                         .time = absl::UnixEpoch(),
                         .draft = {.actor = kCreator,
                                   .peer = "",
                                   .action = action,
                                   .project_id = project_id,
                                   .key_id = key_id,
                                   .detail = "",
                                   .refusal = ""},
                         .previous_hash = head_.hash};
  head_ = {.revision = entry.revision, .hash = HashAuditEntry(entry)};
  v1::AuditEvent event;
  event.set_revision(entry.revision.value);
  event.mutable_time();
  event.set_actor(kCreator);
  event.set_action(action);
  event.set_project_id(project_id);
  event.set_key_id(key_id);
  event.set_previous_hash(AsBytes(entry.previous_hash).data(), AsBytes(entry.previous_hash).size());
  event.set_hash(AsBytes(head_.hash).data(), AsBytes(head_.hash).size());
  log_.push_back(event);
}

v1::Key HonestServer::Issue(const std::string& name, const std::string& owner) {
  return Complete(IssueCall(name, owner), "text of " + name);
}

v1::Key HonestServer::Complete(Call call, const std::string& text) {
  const uint64_t number = ledger.Send(call);
  const std::vector<v1::Key> records = Do(call);
  if (call.project.has_value()) {
    if (call.project->wanted.has_value()) {
      ledger.AnsweredWithProject(number, projects.at(call.project->project_id));
    } else {
      ledger.Answered(number, {});
    }
    return {};
  }
  ledger.AnsweredWithKeys(number, records, text);
  return records.back();
}

Observed HonestServer::See() {
  Observed seen;
  seen.epoch = "an epoch of 16 B";
  for (const v1::AuditEvent& event : log_) {
    if (event.revision() > ledger.book().audit_revision) seen.events.push_back(event);
  }
  seen.head.set_head_revision(head_.revision.value);
  seen.head.set_head_hash(AsBytes(head_.hash).data(), AsBytes(head_.hash).size());
  seen.keys = keys;
  for (const auto& [id, key] : keys) seen.asked_keys.insert(id);
  for (const auto& [id, entry] : ledger.book().keys) seen.asked_keys.insert(id);
  seen.projects = projects;
  for (const auto& [id, project] : ledger.book().projects) seen.asked_projects.insert(id);
  for (const auto& [id, project] : projects) seen.asked_projects.insert(id);
  for (const auto& [id, entry] : ledger.book().keys) {
    if (entry.text.empty() || !keys.contains(id)) continue;
    const v1::Key& key = keys.at(id);
    const bool has_project =
        key.project_id() == kDefaultProject || projects.contains(key.project_id());
    seen.codes[id] = IsRevoked(key) || !has_project          ? v1::VERIFY_CODE_REVOKED
                     : key.state() == v1::KEY_STATE_DISABLED ? v1::VERIFY_CODE_DISABLED
                                                             : v1::VERIFY_CODE_VALID;
  }
  seen.listings.push_back(ListOwner("ann"));
  return seen;
}

Listing HonestServer::ListOwner(const std::string& owner) const {
  Listing listing{.name = "the list of owner " + owner,
                  .lists = [owner](const v1::Key& key) { return key.owner() == owner; },
                  .keys = {}};
  for (const auto& [id, key] : keys) {
    if (listing.lists(key)) listing.keys.push_back(key);
  }
  return listing;
}

}  // namespace claviger::crash
