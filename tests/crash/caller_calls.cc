// The calls that a Caller makes.
#include <utility>

#include "core/digest.h"
#include "fmt/format.h"
#include "tests/crash/caller.h"
#include "tests/crash/key_model.h"

namespace claviger::crash {
namespace {

constexpr uint64_t kMaxImported = 12;
constexpr uint64_t kMaxRevokedById = 4;
constexpr int64_t kGraceSeconds = 24 * 3600;
constexpr char kNote[] = "crash";

std::string OwnerOf(uint32_t caller, uint64_t cycle) {
  return fmt::format("owner-{}-{}", caller, cycle);
}

// Of keys that no RevokeKeys by owner is to meet.
std::string ImportOwnerOf(uint32_t caller, uint64_t cycle) {
  return fmt::format("import-{}-{}", caller, cycle);
}

}  // namespace

template <typename Request, typename OnAnswer>
bool Caller::Make(Call call, const Request& request, OnAnswer on_answer) {
  const uint64_t number = ledger_.Send(std::move(call));
  const auto outcome = server_.Call(request);
  if (outcome.ok()) {
    on_answer(number, *outcome);
    load_.OnAnswer();
    return true;
  }
  // The end of a connection has many names; a word of the server's own is one only if it says that
  // the server stops.
  const RpcError error = ErrorOf(outcome.status);
  const bool is_end = error.reason.empty() || error.code == grpc::StatusCode::UNAVAILABLE;
  if (!load_.ending() || !is_end) {
    ledger_.Unexplained(number,
                        absl::Status(static_cast<absl::StatusCode>(error.code), error.message));
  }
  return false;
}

template <typename Request>
bool Caller::Change(v1::Key& key, std::string_view action, v1::Key wanted, const Request& request) {
  Request named = request;
  if constexpr (requires { named.set_key_id(""); }) {
    named.set_key_id(key.key_id());
  } else {
    named.mutable_key()->set_key_id(key.key_id());
  }
  Call call = NewCall(action, key.project_id());
  call.effects.push_back({.key_id = key.key_id(), .wanted = std::move(wanted)});
  return Make(std::move(call), named, [&](uint64_t number, const auto& answer) {
    ledger_.AnsweredWithKeys(number, {answer.info()}, "");
    key = WithoutUse(answer.info());
  });
}

template <typename Attributes>
void Caller::Describe(Attributes& attributes) {
  attributes.set_display_name(NewName());
  *attributes.mutable_scopes() = DrawOtherScopes(v1::Key()).scopes();
  attributes.add_scopes("all:read");
  attributes.set_owner(OwnerOf(options_.number, options_.cycle));
  (*attributes.mutable_labels())[kBatchLabel] = fmt::format("{}", options_.cycle);
  (*attributes.mutable_labels())["parity"] = Draw(2) == 0 ? "even" : "odd";
  (*attributes.mutable_metadata()->mutable_fields())["n"].set_number_value(
      static_cast<double>(Draw(1000)));
  if (Draw(2) == 0) *attributes.mutable_expire_time() = DrawExpiry();
}

bool Caller::Issue(const std::string& project_id) {
  v1::IssueKeyRequest request;
  request.set_project_id(project_id);
  Describe(request);
  request.set_description("made while the server may die");
  request.set_request_id(NewUuid());
  Call call = NewCall("IssueKey", project_id);
  call.effects.push_back({.key_id = "", .wanted = Issued(request, options_.name)});
  call.request = request;
  return SendIssue(std::move(call), request);
}

bool Caller::SendIssue(Call call, const v1::IssueKeyRequest& request) {
  return Make(std::move(call), request, [&](uint64_t number, const v1::IssueKeyResponse& answer) {
    ledger_.AnsweredWithKeys(number, {answer.info()}, answer.key());
    keys_.push_back(WithoutUse(answer.info()));
  });
}

bool Caller::Rotate(v1::Key& key, bool has_grace) {
  v1::RotateKeyRequest request;
  request.set_key_id(key.key_id());
  request.mutable_grace_period()->set_seconds(has_grace ? kGraceSeconds : 0);
  request.set_request_id(NewUuid());
  Call call = NewCall("RotateKey", key.project_id());
  call.effects.push_back({.key_id = key.key_id(), .wanted = Replaced(key, has_grace)});
  call.effects.push_back({.key_id = "", .wanted = SuccessorOf(key, options_.name)});
  call.whole = true;
  call.request = request;
  return SendRotate(std::move(call), request);
}

bool Caller::SendRotate(Call call, const v1::RotateKeyRequest& request) {
  const std::string old_id = request.key_id();
  return Make(std::move(call), request, [&](uint64_t number, const v1::RotateKeyResponse& answer) {
    ledger_.AnsweredWithKeys(number, {answer.replaced(), answer.info()}, answer.key());
    for (v1::Key& key : keys_) {
      if (key.key_id() == old_id) key = WithoutUse(answer.replaced());
    }
    keys_.push_back(WithoutUse(answer.info()));
  });
}

bool Caller::AskAgain(const Call& call) {
  if (const auto* issue = std::get_if<v1::IssueKeyRequest>(&call.request); issue != nullptr) {
    return SendIssue(call, *issue);
  }
  return SendRotate(call, std::get<v1::RotateKeyRequest>(call.request));
}

bool Caller::RepeatAnswered() {
  const std::optional<Call> call = ledger_.ChooseRemembered(random_);
  if (!call.has_value()) return true;
  const std::vector<v1::Key> before = keys_;
  const bool answered = AskAgain(*call);
  // Others' keys, or an older view of own ones: not to be worked with.
  keys_ = before;
  return answered;
}

bool Caller::Import() {
  v1::ImportKeysRequest request;
  request.set_project_id(kDefaultProject);
  Call call = NewCall("ImportKeys", kDefaultProject);
  for (uint64_t rows = 1 + Draw(kMaxImported); rows > 0; --rows) {
    const std::string text = fmt::format("elsewhere_{:016x}{:016x}", random_(), random_());
    v1::ImportedKey& row = *request.add_keys();
    row.set_sha256(ToHex(AsBytes(Sha256(text))));
    Describe(row);
    row.set_owner(ImportOwnerOf(options_.number, options_.cycle));
    row.set_masked_key("else…");
    call.effects.push_back(
        {.key_id = "", .wanted = Imported(kDefaultProject, row, options_.name), .text = text});
  }
  return Make(std::move(call), request, [&](uint64_t number, const v1::ImportKeysResponse& answer) {
    std::vector<std::string> ids;
    for (const v1::ImportKeyResult& result : answer.results()) {
      if (result.outcome() != v1::IMPORT_OUTCOME_IMPORTED) {
        ledger_.AnsweredWrongly(number, result.ShortDebugString());
      }
      ids.push_back(result.key_id());
    }
    ledger_.Answered(number, ids);
  });
}

bool Caller::RevokeMany(bool by_owner) {
  v1::RevokeKeysRequest request;
  const std::string owner = OwnerOf(options_.number, options_.cycle);
  request.set_reason(v1::REVOKE_REASON_POLICY);
  request.set_note(kNote);
  if (by_owner) {
    request.mutable_filter()->set_owner(owner);
    request.mutable_filter()->add_project_ids(kDefaultProject);
  }
  Call call = NewCall("RevokeKey", kDefaultProject);
  std::vector<v1::Key> left;
  for (v1::Key& key : keys_) {
    const bool is_meant =
        key.project_id() == kDefaultProject && !IsRevoked(key) &&
        (by_owner ? key.owner() == owner : call.effects.size() < kMaxRevokedById && Draw(4) == 0);
    if (!is_meant) {
      left.push_back(std::move(key));
      continue;
    }
    if (!by_owner) request.add_key_ids(key.key_id());
    call.effects.push_back(
        {.key_id = key.key_id(), .wanted = Revoked(key, request.reason(), request.note())});
  }
  keys_ = std::move(left);
  if (call.effects.empty()) return true;
  const auto wanted = static_cast<int64_t>(call.effects.size());
  return Make(std::move(call), request, [&](uint64_t number, const v1::RevokeKeysResponse& answer) {
    // A server that stops says which keys it left.
    if (answer.failed_count() != 0 && load_.ending()) return;
    if (answer.revoked_count() != wanted) {
      ledger_.AnsweredWrongly(number, answer.ShortDebugString());
    }
    ledger_.Answered(number, {});
  });
}

bool Caller::MakeProject() {
  v1::CreateProjectRequest request;
  request.mutable_project()->set_project_id(
      fmt::format("{}{}-{}", ProjectPrefixOf(options_.number), options_.cycle, ++names_));
  request.mutable_project()->set_display_name(NewName());
  Call call = NewCall("CreateProject", request.project().project_id());
  call.project = {.project_id = call.project_id, .wanted = Created(request.project())};
  return Make(std::move(call), request,
              [&](uint64_t number, const v1::CreateProjectResponse& answer) {
                ledger_.AnsweredWithProject(number, answer.project());
                projects_.push_back(answer.project());
              });
}

bool Caller::RenameProject() {
  v1::Project& project = projects_[Draw(projects_.size())];
  v1::UpdateProjectRequest request;
  request.mutable_project()->set_project_id(project.project_id());
  request.mutable_project()->set_display_name(NewName());
  request.mutable_update_mask()->add_paths("display_name");
  Call call = NewCall("UpdateProject", project.project_id());
  call.project = {.project_id = project.project_id(),
                  .wanted = Renamed(project, request.project().display_name())};
  return Make(std::move(call), request,
              [&](uint64_t number, const v1::UpdateProjectResponse& answer) {
                ledger_.AnsweredWithProject(number, answer.project());
                project = answer.project();
              });
}

bool Caller::DeleteProject() {
  const auto project = projects_.begin() + static_cast<ptrdiff_t>(Draw(projects_.size()));
  v1::DeleteProjectRequest request;
  request.set_project_id(project->project_id());
  request.set_revoke_keys(true);
  Call call = NewCall("DeleteProject", request.project_id());
  call.project = {.project_id = request.project_id(), .wanted = std::nullopt};
  projects_.erase(project);
  std::erase_if(keys_,
                [&](const v1::Key& key) { return key.project_id() == request.project_id(); });
  return Make(std::move(call), request, [&](uint64_t number, const v1::DeleteProjectResponse&) {
    ledger_.Answered(number, {});
  });
}

bool Caller::Revoke(v1::Key& key) {
  v1::RevokeKeyRequest request;
  request.set_reason(v1::REVOKE_REASON_COMPROMISED);
  request.set_note(kNote);
  return Change(key, "RevokeKey", Revoked(key, request.reason(), request.note()), request);
}

bool Caller::Disable(v1::Key& key) {
  return Change(key, "DisableKey", Disabled(key), v1::DisableKeyRequest());
}

bool Caller::Enable(v1::Key& key) {
  return Change(key, "EnableKey", Enabled(key), v1::EnableKeyRequest());
}

bool Caller::Delete(v1::Key& key) {
  v1::DeleteKeyRequest request;
  request.set_reason(v1::REVOKE_REASON_UNUSED);
  request.set_note(kNote);
  return Change(key, "DeleteKey", Deleted(key, request.reason(), request.note()), request);
}

bool Caller::Undelete(v1::Key& key) {
  return Change(key, "UndeleteKey", Undeleted(key), v1::UndeleteKeyRequest());
}

bool Caller::UpdateScopes(v1::Key& key) {
  v1::UpdateScopesRequest request;
  *request.mutable_replace_with() = DrawOtherScopes(key);
  return Change(key, "UpdateScopes", WithScopes(key, request.replace_with()), request);
}

bool Caller::UpdateKey(v1::Key& key) {
  v1::UpdateKeyRequest request;
  Describe(*request.mutable_key());
  for (const char* path : {"display_name", "owner", "labels", "metadata"}) {
    request.mutable_update_mask()->add_paths(path);
  }
  if (request.key().has_expire_time()) request.mutable_update_mask()->add_paths("expire_time");
  // Scopes have a call of their own.
  request.mutable_key()->clear_scopes();
  return Change(key, "UpdateKey", Updated(key, request), request);
}

}  // namespace claviger::crash
