#include "core/lifecycle.h"

#include <utility>

#include "core/status.h"
#include "fmt/format.h"

namespace claviger {
namespace {

absl::Status SetDisabled(KeyRecord& key, absl::Time now, bool disabled) {
  if (key.revocation.has_value() || key.delete_time.has_value()) {
    return ErrorBuilder(absl::StatusCode::kFailedPrecondition, Reason::kKeyRevoked)
        .Resource("key", key.id.ToString())
        .Build(fmt::format("key {} is revoked and cannot be {}", key.id.text(),
                           disabled ? "disabled" : "enabled"));
  }
  if (key.disabled == disabled) return absl::OkStatus();
  key.disabled = disabled;
  key.update_time = now;
  return absl::OkStatus();
}

}  // namespace

std::string_view KeyStateName(KeyState state) {
  switch (state) {
    case KeyState::kActive:
      return "ACTIVE";
    case KeyState::kDisabled:
      return "DISABLED";
    case KeyState::kExpired:
      return "EXPIRED";
    case KeyState::kRevoked:
      return "REVOKED";
    case KeyState::kDeleted:
      return "DELETED";
  }
  return "UNKNOWN";
}

KeyState StateOf(const KeyRecord& key, absl::Time now) {
  if (key.delete_time.has_value()) return KeyState::kDeleted;
  if (key.revocation.has_value()) return KeyState::kRevoked;
  if (key.expire_time.has_value() && now >= *key.expire_time) return KeyState::kExpired;
  return key.disabled ? KeyState::kDisabled : KeyState::kActive;
}

bool NeedsPepper(const KeyRecord& key) {
  const bool is_final = key.revocation.has_value() || key.delete_time.has_value();
  return !is_final || key.imported.has_value();
}

absl::Status Disable(KeyRecord& key, absl::Time now) { return SetDisabled(key, now, true); }

absl::Status Enable(KeyRecord& key, absl::Time now) { return SetDisabled(key, now, false); }

void Revoke(KeyRecord& key, absl::Time now, RevokeReason reason, std::string note) {
  if (key.revocation.has_value()) return;
  key.revocation = Revocation{.time = now, .reason = reason, .note = std::move(note)};
  key.update_time = now;
}

void Delete(KeyRecord& key, absl::Time now, RevokeReason reason, std::string note) {
  Revoke(key, now, reason, std::move(note));
  if (key.delete_time.has_value()) return;
  key.delete_time = now;
  key.update_time = now;
}

void Undelete(KeyRecord& key, absl::Time now) {
  if (!key.delete_time.has_value()) return;
  key.delete_time.reset();
  key.update_time = now;
}

void RevokeWithProject(KeyRecord& key, absl::Time delete_time) {
  Revoke(key, delete_time, RevokeReason::kOther, "the project was deleted");
}

}  // namespace claviger
