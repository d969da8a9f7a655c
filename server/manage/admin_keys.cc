#include "server/manage/admin_keys.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/status.h"
#include "fmt/format.h"
#include "server/manage/permissions.h"

namespace claviger {
namespace {

// Whether its scopes and binding, and what is final about it, let it do everything.
bool MayBecomeAdmin(const KeyRecord& key) {
  return key.project_id == kManagementProject && key.bound_project_ids.empty() &&
         !key.revocation.has_value() && !key.delete_time.has_value() &&
         key.scopes.Covers(permission::kSettingsManage);
}

bool IsAdmin(const KeyRecord& key, absl::Time now) {
  return MayBecomeAdmin(key) && !key.disabled &&
         (!key.expire_time.has_value() || now < *key.expire_time);
}

bool EndsSooner(const KeyRecord& key, const KeyRecord& before) {
  return key.expire_time.has_value() &&
         (!before.expire_time.has_value() || *key.expire_time < *before.expire_time);
}

absl::Status LastAdmin(const KeyId& id) {
  return ErrorBuilder(absl::StatusCode::kFailedPrecondition, Reason::kLastAdminKey)
      .Resource("key", id.ToString())
      .Build(fmt::format("key {} is the last one that may do everything in all projects, and no "
                         "client certificate may: issue another such key first",
                         id.text()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<AdminKeys>> AdminKeys::Load(const KeyStore& store,
                                                           std::function<bool()> certificate_may) {
  std::unique_ptr<AdminKeys> admins(new AdminKeys(std::move(certificate_may)));
  const absl::Status read = store.ScanKeys(
      {.project_id = std::string(kManagementProject), .after = {}}, [&](const KeyRecord& key) {
        if (MayBecomeAdmin(key)) admins->candidates_.insert(key.id);
        return true;
      });
  if (!read.ok()) return read;
  return admins;
}

absl::Status AdminKeys::Check(const ChangeSet& changes, const StateReader& state,
                              absl::Time now) const {
  std::optional<KeyId> given_up;
  for (const KeyRecord& key : changes.put_keys) {
    if (key.project_id != kManagementProject) continue;
    const absl::StatusOr<std::shared_ptr<const KeyRecord>> before = state.FindKey(key.id);
    if (!before.ok()) return before.status();
    const bool is_admin = IsAdmin(key, now);
    if (*before == nullptr || !IsAdmin(**before, now)) {
      if (is_admin) return absl::OkStatus();  // takes the place of any other
      continue;
    }
    if (is_admin && !EndsSooner(key, **before)) return absl::OkStatus();
    given_up = key.id;
  }
  if (!given_up.has_value()) return absl::OkStatus();
  const absl::StatusOr<bool> another = AnotherMay(changes, state, now);
  if (!another.ok()) return another.status();
  return *another || certificate_may_() ? absl::OkStatus() : LastAdmin(*given_up);
}

absl::StatusOr<bool> AdminKeys::AnotherMay(const ChangeSet& changes, const StateReader& state,
                                           absl::Time now) const {
  for (const KeyId& id : candidates_) {
    const bool written = std::any_of(changes.put_keys.begin(), changes.put_keys.end(),
                                     [&id](const KeyRecord& key) { return key.id == id; });
    if (written) continue;
    const absl::StatusOr<std::shared_ptr<const KeyRecord>> key = state.FindKey(id);
    if (!key.ok()) return key.status();
    if (*key != nullptr && IsAdmin(**key, now)) return true;
  }
  return false;
}

void AdminKeys::OnCommitted(std::span<const Committed> batch) {
  for (const Committed& committed : batch) {
    for (const std::shared_ptr<const KeyRecord>& key : committed.keys) {
      if (MayBecomeAdmin(*key)) {
        candidates_.insert(key->id);
      } else if (key->project_id == kManagementProject) {
        candidates_.erase(key->id);
      }
    }
    for (const std::shared_ptr<const KeyRecord>& key : committed.deleted_keys) {
      candidates_.erase(key->id);
    }
  }
}

}  // namespace claviger
