#include "server/rpc/update_request.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "core/text.h"
#include "fmt/format.h"
#include "server/rpc/field_errors.h"
#include "server/rpc/request_fields.h"

namespace claviger {
namespace {

// How one path of the mask is read. `update` keeps the value even where `errors` has something to
// say about it.
struct MaskPath {
  std::string_view path;
  void (*read)(const v1::Key& key, KeyUpdate& update, FieldErrors& errors);
};

void ReadDisplayName(const v1::Key& key, KeyUpdate& update, FieldErrors& errors) {
  update.display_name =
      field::ReadRequiredName("key.display_name", key.display_name(), kMaxNameCharacters, errors);
}

void ReadDescription(const v1::Key& key, KeyUpdate& update, FieldErrors& errors) {
  update.description =
      field::ReadText("key.description", key.description(), kMaxDescriptionCharacters, errors);
}

void ReadOwner(const v1::Key& key, KeyUpdate& update, FieldErrors& errors) {
  update.owner = field::ReadText("key.owner", key.owner(), kMaxNameCharacters, errors);
}

void ReadLabels(const v1::Key& key, KeyUpdate& update, FieldErrors& errors) {
  update.labels = field::ReadLabels("key.labels", key.labels(), errors);
}

void ReadMetadata(const v1::Key& key, KeyUpdate& update, FieldErrors& errors) {
  update.metadata = field::ReadMetadata("key.metadata", key.metadata(), errors);
}

void ReadAllowedCidrs(const v1::Key& key, KeyUpdate& update, FieldErrors& errors) {
  update.allowed_cidrs = field::ReadCidrs("key.allowed_cidrs", key.allowed_cidrs(), errors);
}

void ReadExpireTime(const v1::Key& key, KeyUpdate& update, FieldErrors& errors) {
  std::optional<absl::Time> end;
  if (key.has_expire_time()) end = field::ReadTime("key.expire_time", key.expire_time(), errors);
  update.expire_time = end;
}

constexpr std::array kMaskPaths = {
    MaskPath{"display_name", ReadDisplayName},
    MaskPath{"description", ReadDescription},
    MaskPath{"labels", ReadLabels},
    MaskPath{"metadata", ReadMetadata},
    MaskPath{"owner", ReadOwner},
    MaskPath{"allowed_cidrs", ReadAllowedCidrs},
    MaskPath{"expire_time", ReadExpireTime},
};

constexpr const char* kAcceptedPaths =
    "must be among display_name, description, labels, metadata, owner, allowed_cidrs, expire_time";

// What to use instead for a field of a key that changes otherwise.
struct OtherWay {
  std::string_view path;
  std::string_view way;
};

constexpr std::array kOtherWays = {
    OtherWay{"scopes", "is changed by UpdateScopes"},
    OtherWay{"state", "is changed by DisableKey, EnableKey, RevokeKey, DeleteKey and UndeleteKey"},
    OtherWay{"revoke_time", "is set by RevokeKey"},
    OtherWay{"revoke_reason", "is set by RevokeKey"},
    OtherWay{"revoke_note", "is set by RevokeKey"},
    OtherWay{"delete_time", "is set by DeleteKey"},
    OtherWay{"purge_time", "is set by DeleteKey"},
    OtherWay{"rotated_from", "is set by RotateKey"},
    OtherWay{"rotated_to", "is set by RotateKey"},
    OtherWay{"rotate_time", "is set by RotateKey"},
    OtherWay{"pending_grace", "is set by RotateKey"},
    OtherWay{"project_id", "is fixed when a key is issued"},
    OtherWay{"environment", "is fixed when a key is issued"},
    OtherWay{"bound_project_ids", "is fixed when a key is issued"},
};

// What to say of a path that is not accepted. Never repeats it: it may be a key that stands in the
// wrong place.
std::string Refusal(const std::string& path) {
  const auto* found = std::find_if(kOtherWays.begin(), kOtherWays.end(),
                                   [&](const OtherWay& other) { return other.path == path; });
  if (found == kOtherWays.end()) return kAcceptedPaths;
  return fmt::format("{}; {} {}", kAcceptedPaths, found->path, found->way);
}

void ReadMasked(const v1::UpdateKeyRequest& request, KeyUpdate& update, FieldErrors& errors) {
  const auto& paths = request.update_mask().paths();
  if (paths.empty()) errors.Check(RequiredField("update_mask", kAcceptedPaths));
  for (const MaskPath& candidate : kMaskPaths) {
    if (std::find(paths.begin(), paths.end(), candidate.path) != paths.end()) {
      candidate.read(request.key(), update, errors);
    }
  }
  for (int i = 0; i < paths.size(); ++i) {
    const bool known =
        std::any_of(kMaskPaths.begin(), kMaskPaths.end(),
                    [&](const MaskPath& candidate) { return candidate.path == paths[i]; });
    if (!known) errors.Add(fmt::format("update_mask.paths[{}]", i), Refusal(paths[i]));
  }
}

}  // namespace

absl::StatusOr<KeyUpdateRequest> ToKeyUpdate(const v1::UpdateKeyRequest& request) {
  FieldErrors errors;
  KeyUpdateRequest result;
  result.params.key_id = field::ReadKeyId("key.key_id", request.key().key_id(), errors);
  result.params.if_revision = Revision{request.if_revision()};
  result.params.validate_only = request.validate_only();
  ReadMasked(request, result.update, errors);
  field::CheckPropagation("propagation", request.propagation(), errors);
  if (!errors.ok()) return errors.ToStatus();
  return result;
}

}  // namespace claviger
