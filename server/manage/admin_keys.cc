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

// Whether `key` can be used from everywhere where `before` can. Where its holder is nobody knows.
bool ReachesAsFar(const KeyRecord& key, const KeyRecord& before) {
  return AllWithin(before.allowed_cidrs, key.allowed_cidrs);
}

// Whether with `key` somebody can go on after `before` is given up. One that ends sooner must leave
// time to make another: else the last one could be exchanged for one that ends in a second.
bool CanReplace(const KeyRecord& key, const KeyRecord& before, absl::Time now) {
  return IsAdmin(key, now) && ReachesAsFar(key, before) &&
         (!EndsSooner(key, before) || *key.expire_time - now >= kLeastReplacementLife);
}

absl::Status LastAdmin(const KeyId& id) {
  return ErrorBuilder(absl::StatusCode::kFailedPrecondition, Reason::kLastAdminKey)
      .Resource("key", id.ToString())
      .Build(fmt::format("key {} is the last one that may do everything in all projects, and no "
                         "client certificate may: issue another such key first, for as many "
                         "addresses and for as long or at least a day",
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

absl::StatusOr<bool> AdminKeys::AnyIn(const KeyStore& store, absl::Time now) {
  bool found = false;
  const absl::Status read = store.ScanKeys(
      {.project_id = std::string(kManagementProject), .after = {}}, [&](const KeyRecord& key) {
        found = IsAdmin(key, now);
        return !found;
      });
  if (!read.ok()) return read;
  return found;
}

absl::Status AdminKeys::Check(const ChangeSet& changes, const StateReader& state,
                              absl::Time now) const {
  std::shared_ptr<const KeyRecord> given_up;
  for (const KeyRecord& key : changes.put_keys) {
    if (key.project_id != kManagementProject) continue;
    const absl::StatusOr<std::shared_ptr<const KeyRecord>> before = state.FindKey(key.id);
    if (!before.ok()) return before.status();
    if (*before == nullptr || !IsAdmin(**before, now)) continue;
    if (IsAdmin(key, now) && !EndsSooner(key, **before) && ReachesAsFar(key, **before)) {
      return absl::OkStatus();
    }
    // The one that would have lasted longest sets the measure.
    if (given_up == nullptr || EndsSooner(*given_up, **before)) given_up = *before;
  }
  if (given_up == nullptr) return absl::OkStatus();
  const absl::StatusOr<bool> another = AnotherMay(changes, *given_up, state, now);
  if (!another.ok()) return another.status();
  return *another || certificate_may_() ? absl::OkStatus() : LastAdmin(given_up->id);
}

absl::StatusOr<bool> AdminKeys::AnotherMay(const ChangeSet& changes, const KeyRecord& given_up,
                                           const StateReader& state, absl::Time now) const {
  for (const KeyRecord& key : changes.put_keys) {
    if (key.id != given_up.id && CanReplace(key, given_up, now)) return true;
  }
  for (const KeyId& id : candidates_) {
    const bool written = std::any_of(changes.put_keys.begin(), changes.put_keys.end(),
                                     [&id](const KeyRecord& key) { return key.id == id; });
    if (written) continue;
    const absl::StatusOr<std::shared_ptr<const KeyRecord>> key = state.FindKey(id);
    if (!key.ok()) return key.status();
    if (*key != nullptr && CanReplace(**key, given_up, now)) return true;
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
