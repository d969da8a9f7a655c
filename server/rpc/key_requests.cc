#include "server/rpc/key_requests.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/text.h"
#include "fmt/format.h"
#include "server/rpc/field_errors.h"
#include "server/rpc/key_filter.h"
#include "server/rpc/request_fields.h"
#include "server/rpc/request_identity.h"
#include "server/rpc/wire.h"

namespace claviger {
namespace {

struct NamedOrder {
  std::string_view text;
  KeyOrder order;
  bool descending;
};

constexpr std::array kOrders = {
    NamedOrder{"", KeyOrder::kCreateTime, true},
    NamedOrder{"create_time", KeyOrder::kCreateTime, true},
    NamedOrder{"create_time desc", KeyOrder::kCreateTime, true},
    NamedOrder{"create_time asc", KeyOrder::kCreateTime, false},
    NamedOrder{"name", KeyOrder::kName, false},
    NamedOrder{"name asc", KeyOrder::kName, false},
    NamedOrder{"name desc", KeyOrder::kName, true},
    NamedOrder{"expire_time", KeyOrder::kExpireTime, false},
    NamedOrder{"expire_time asc", KeyOrder::kExpireTime, false},
    NamedOrder{"expire_time desc", KeyOrder::kExpireTime, true},
    NamedOrder{"last_used_time", KeyOrder::kLastUsedTime, false},
    NamedOrder{"last_used_time asc", KeyOrder::kLastUsedTime, false},
    NamedOrder{"last_used_time desc", KeyOrder::kLastUsedTime, true},
};

void ReadOrder(const std::string& order_by, ListParams& params, FieldErrors& errors) {
  const auto* found = std::find_if(kOrders.begin(), kOrders.end(),
                                   [&](const NamedOrder& order) { return order.text == order_by; });
  if (found == kOrders.end()) {
    errors.Add("order_by",
               "must be create_time, name, expire_time or last_used_time, then nothing, ' asc' or "
               "' desc'");
    return;
  }
  params.order = found->order;
  params.descending = found->descending;
}

template <typename Request>
Sha256Bytes HashWithout(const Request& request, void (*forget)(Request&)) {
  Request rest = request;
  forget(rest);
  return HashMessage(rest);
}

template <typename Request>
absl::StatusOr<ChangeParams> ReadChange(const Request& request) {
  FieldErrors errors;
  ChangeParams params;
  params.key_id = field::ReadKeyId("key_id", request.key_id(), errors);
  params.if_revision = Revision{request.if_revision()};
  params.validate_only = request.validate_only();
  if constexpr (requires { request.propagation(); }) {
    field::CheckPropagation("propagation", request.propagation(), errors);
  }
  if (!errors.ok()) return errors.ToStatus();
  return params;
}

template <typename Request>
absl::StatusOr<RevokeNote> ReadNote(const Request& request) {
  FieldErrors errors;
  RevokeNote note;
  note.reason = field::ReadRevokeReason("reason", request.reason(), errors);
  note.note = field::ReadText("note", request.note(), kMaxDescriptionCharacters, errors);
  if (!errors.ok()) return errors.ToStatus();
  return note;
}

}  // namespace

absl::StatusOr<IssueParams> ToIssueParams(const v1::IssueKeyRequest& request) {
  FieldErrors errors;
  IssueParams params;
  params.project_id = field::ReadProjectId("project_id", request.project_id(), errors);
  params.display_name =
      field::ReadRequiredName("display_name", request.display_name(), kMaxNameCharacters, errors);
  params.description =
      field::ReadText("description", request.description(), kMaxDescriptionCharacters, errors);
  params.environment = field::ReadEnvironment("environment", request.environment(), errors)
                           .value_or(Environment::kLive);
  params.scopes = field::ReadScopes("scopes", request.scopes(), errors);
  if (request.has_ttl()) {
    params.expiration = field::ReadDuration("ttl", request.ttl(), errors);
  } else if (request.has_expire_time()) {
    params.expiration = field::ReadTime("expire_time", request.expire_time(), errors);
  }
  params.owner = field::ReadText("owner", request.owner(), kMaxNameCharacters, errors);
  params.labels = field::ReadLabels("labels", request.labels(), errors);
  params.metadata = field::ReadMetadata("metadata", request.metadata(), errors);
  params.allowed_cidrs = field::ReadCidrs("allowed_cidrs", request.allowed_cidrs(), errors);
  params.bound_project_ids =
      field::ReadProjectIds("bound_project_ids", request.bound_project_ids(), errors);
  params.request = field::ReadRequestIdentity(request, errors);
  params.validate_only = request.validate_only();
  if (!errors.ok()) return errors.ToStatus();
  return params;
}

absl::StatusOr<ListParams> ToListParams(const v1::ListKeysRequest& request) {
  FieldErrors errors;
  ListParams params;
  params.filter = ReadFilter(request, errors);
  ReadOrder(request.order_by(), params, errors);
  params.page_size = field::ReadPageSize("page_size", request.page_size(), errors);
  params.page_token = request.page_token();
  params.include_total_size = request.include_total_size();
  params.arguments_hash = HashWithout<v1::ListKeysRequest>(request, [](v1::ListKeysRequest& r) {
    r.clear_page_token();
    r.clear_page_size();
    r.clear_include_total_size();
  });
  if (!errors.ok()) return errors.ToStatus();
  return params;
}

absl::StatusOr<ScopeChange> ToScopeChange(const v1::UpdateScopesRequest& request) {
  FieldErrors errors;
  ScopeChange change;
  const bool differs = request.add_size() > 0 || request.remove_size() > 0;
  if (request.has_replace_with() == differs) {
    return ErrorBuilder(absl::StatusCode::kInvalidArgument,
                        differs ? Reason::kFieldConflict : Reason::kFieldRequired)
        .Field("replace_with", "must be given if and only if neither add nor remove is")
        .Build("replace_with: give either add and remove, or replace_with");
  }
  if (request.has_replace_with()) {
    change.replace_with =
        field::ReadScopes("replace_with.scopes", request.replace_with().scopes(), errors);
  } else {
    change.add = field::ReadScopes("add", request.add(), errors).scopes();
    change.remove = field::ReadScopes("remove", request.remove(), errors).scopes();
    for (const std::string& scope : change.add) {
      if (std::find(change.remove.begin(), change.remove.end(), scope) != change.remove.end()) {
        errors.Add("remove", "must not name a scope that add names");
        break;
      }
    }
  }
  if (!errors.ok()) return errors.ToStatus();
  return change;
}

absl::StatusOr<KeyId> ToKeyId(const std::string& key_id) {
  FieldErrors errors;
  const KeyId id = field::ReadKeyId("key_id", key_id, errors);
  if (!errors.ok()) return errors.ToStatus();
  return id;
}

absl::StatusOr<ChangeParams> ToChangeParams(const v1::UpdateScopesRequest& request) {
  return ReadChange(request);
}
absl::StatusOr<ChangeParams> ToChangeParams(const v1::DisableKeyRequest& request) {
  return ReadChange(request);
}
absl::StatusOr<ChangeParams> ToChangeParams(const v1::EnableKeyRequest& request) {
  return ReadChange(request);
}
absl::StatusOr<ChangeParams> ToChangeParams(const v1::RevokeKeyRequest& request) {
  return ReadChange(request);
}

absl::StatusOr<ChangeParams> ToChangeParams(const v1::DeleteKeyRequest& request) {
  return ReadChange(request);
}
absl::StatusOr<ChangeParams> ToChangeParams(const v1::UndeleteKeyRequest& request) {
  return ReadChange(request);
}

absl::StatusOr<RevokeNote> ToRevokeNote(const v1::RevokeKeyRequest& request) {
  return ReadNote(request);
}
absl::StatusOr<RevokeNote> ToRevokeNote(const v1::DeleteKeyRequest& request) {
  return ReadNote(request);
}

}  // namespace claviger
