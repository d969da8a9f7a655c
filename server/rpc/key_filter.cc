#include "server/rpc/key_filter.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "core/scope.h"
#include "core/status.h"
#include "core/text.h"
#include "fmt/format.h"
#include "server/rpc/request_fields.h"

namespace claviger {
namespace {

constexpr int kMaxKeyIds = 3000;
constexpr int64_t kDefaultMaxKeys = 10'000;
constexpr int64_t kLargestMaxKeys = 1'000'000;

// `at` stands before the name of each field.
template <typename Criteria>
KeyFilter Read(const Criteria& from, const std::string& at, FieldErrors& errors) {
  KeyFilter filter;
  filter.project_ids = field::ReadProjectIds(at + "project_ids", from.project_ids(), errors);
  for (int i = 0; i < from.states_size(); ++i) {
    if (from.states(i) == v1::KEY_STATE_UNSPECIFIED || !v1::KeyState_IsValid(from.states(i))) {
      errors.Add(fmt::format("{}states[{}]", at, i),
                 "must be one of KeyState, and not UNSPECIFIED");
    } else {
      filter.states.push_back(static_cast<KeyState>(from.states(i)));
    }
  }
  filter.owner = field::ReadText(at + "owner", from.owner(), kMaxNameCharacters, errors);
  filter.labels = field::ReadLabels(at + "label_selector", from.label_selector(), errors);
  filter.scope = from.scope();
  if (!filter.scope.empty() && !IsValidGrantedScope(filter.scope)) {
    errors.Add(at + "scope", std::string(kScopeSyntax));
  }
  filter.environment = field::ReadEnvironment(at + "environment", from.environment(), errors);
  filter.name_contains =
      field::ReadText(at + "name_contains", from.name_contains(), kMaxNameCharacters, errors);
  const auto time = [&](bool set, const char* name, const google::protobuf::Timestamp& value) {
    return set ? std::optional(field::ReadTime(at + name, value, errors)) : std::nullopt;
  };
  filter.created_before = time(from.has_created_before(), "created_before", from.created_before());
  filter.created_after = time(from.has_created_after(), "created_after", from.created_after());
  filter.expire_before = time(from.has_expire_before(), "expire_before", from.expire_before());
  filter.expire_after = time(from.has_expire_after(), "expire_after", from.expire_after());
  filter.use.last_used_before =
      time(from.has_last_used_before(), "last_used_before", from.last_used_before());
  filter.use.last_used_after =
      time(from.has_last_used_after(), "last_used_after", from.last_used_after());
  filter.use.unused_since = time(from.has_unused_since(), "unused_since", from.unused_since());
  return filter;
}

// Which keys: by id or by filter.
void ReadSelection(const v1::RevokeKeysRequest& request, BulkRevokeParams& params,
                   FieldErrors& errors) {
  if (request.key_ids_size() > kMaxKeyIds) {
    errors.Add("key_ids", fmt::format("must be at most {} key ids", kMaxKeyIds));
    return;
  }
  absl::flat_hash_set<KeyId> seen;
  for (int i = 0; i < request.key_ids_size(); ++i) {
    const KeyId id = field::ReadKeyId(fmt::format("key_ids[{}]", i), request.key_ids(i), errors);
    if (seen.insert(id).second) params.key_ids.push_back(id);
  }
  params.filter = ReadFilter(request.filter(), errors);
}

}  // namespace

KeyFilter ReadFilter(const v1::ListKeysRequest& request, FieldErrors& errors) {
  KeyFilter filter = Read(request, "", errors);
  filter.hide_revoked = request.hide_revoked();
  return filter;
}

KeyFilter ReadFilter(const v1::KeyFilter& filter, FieldErrors& errors) {
  return Read(filter, "filter.", errors);
}

absl::StatusOr<BulkRevokeParams> ToBulkRevokeParams(const v1::RevokeKeysRequest& request) {
  if (request.key_ids_size() > 0 && request.has_filter()) {
    return ErrorBuilder(absl::StatusCode::kInvalidArgument, Reason::kFieldConflict)
        .Field("filter", "must not be given together with key_ids")
        .Build("filter: give either key_ids or filter");
  }
  // An empty filter would mean every key there is, which nobody says by leaving something out.
  if (request.key_ids_size() == 0 && request.filter().ByteSizeLong() == 0) {
    return RequiredField("filter", "must have at least one criterion where there are no key_ids");
  }
  FieldErrors errors;
  BulkRevokeParams params;
  ReadSelection(request, params, errors);
  params.reason = field::ReadRevokeReason("reason", request.reason(), errors);
  params.note = field::ReadText("note", request.note(), kMaxDescriptionCharacters, errors);
  field::CheckPropagation("propagation", request.propagation(), errors);
  if (request.max_keys() < 0 || request.max_keys() > kLargestMaxKeys) {
    errors.Add("max_keys",
               fmt::format("must be 0 to {}; 0 means {}", kLargestMaxKeys, kDefaultMaxKeys));
  }
  params.max_keys =
      static_cast<size_t>(request.max_keys() == 0 ? kDefaultMaxKeys : request.max_keys());
  params.validate_only = request.validate_only();
  if (!errors.ok()) return errors.ToStatus();
  return params;
}

}  // namespace claviger
