#include "tests/simulation/store_model.h"

#include <string_view>
#include <utility>

#include "fmt/format.h"

namespace claviger::simulation {
namespace {

// One more than a message takes: see server/sync/session.h.
constexpr size_t kMoreThanAMessage = 4097;

std::string_view NameOf(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::kIssue:
      return "issue";
    case ChangeKind::kRevoke:
      return "revoke";
    case ChangeKind::kDisable:
      return "disable";
    case ChangeKind::kEnable:
      return "enable";
    case ChangeKind::kNarrow:
      return "narrow";
    case ChangeKind::kWiden:
      return "widen";
    case ChangeKind::kDisableProject:
      return "disable project";
    case ChangeKind::kEnableProject:
      return "enable project";
    case ChangeKind::kDisableMany:
      return "disable all keys of project";
  }
  return "";
}

// Sets `flag`, and says whether it was otherwise.
bool Set(bool& flag, bool value) { return std::exchange(flag, value) != value; }

bool ApplyToKey(ChangeKind kind, StoredKey& key) {
  if (kind == ChangeKind::kIssue) return Set(key.issued, true);
  if (!key.issued) return false;
  switch (kind) {
    case ChangeKind::kRevoke:
      return Set(key.revoked, true);
    case ChangeKind::kDisable:
      return Set(key.disabled, true);
    case ChangeKind::kEnable:
      return Set(key.disabled, false);
    case ChangeKind::kNarrow:
      return Set(key.may_write, false);
    case ChangeKind::kWiden:
      return Set(key.may_write, true);
    default:
      return false;
  }
}

}  // namespace

bool Change::restricts() const {
  return kind == ChangeKind::kRevoke || kind == ChangeKind::kDisable ||
         kind == ChangeKind::kNarrow || kind == ChangeKind::kDisableProject ||
         kind == ChangeKind::kDisableMany;
}

bool Change::concerns_a_key() const {
  return kind != ChangeKind::kDisableProject && kind != ChangeKind::kEnableProject &&
         kind != ChangeKind::kDisableMany;
}

const std::string& Change::project_id() const {
  return ProjectIds()[concerns_a_key() ? Keys()[target].project : target];
}

std::vector<size_t> Change::Restricted() const {
  std::vector<size_t> rights;
  if (!restricts()) return rights;
  for (size_t key = 0; key < kKeys; ++key) {
    if (concerns_a_key() ? key != target : Keys()[key].project != target) continue;
    if (kind != ChangeKind::kNarrow) rights.push_back(RightOf(key, false));
    rights.push_back(RightOf(key, true));
  }
  return rights;
}

std::string Change::Describe() const {
  return fmt::format("{} {}{}", NameOf(kind), target,
                     !restricts() ? "" : (strict ? ", strict" : ", commit"));
}

std::optional<Event> Apply(const Change& change, StoreState& store) {
  Event event{.revision = store.revision.Next(), .keys = {}, .projects = {}};
  bool changed = false;
  if (change.concerns_a_key()) {
    changed = ApplyToKey(change.kind, store.keys[change.target]);
    event.keys.emplace_back(Keys()[change.target].id, change.project_id());
  } else if (change.kind == ChangeKind::kDisableMany) {
    event.keys.resize(kMoreThanAMessage, {KeyId(), change.project_id()});
    for (size_t key = 0; key < kKeys; ++key) {
      if (Keys()[key].project != change.target) continue;
      changed |= ApplyToKey(ChangeKind::kDisable, store.keys[key]);
      event.keys.emplace_back(Keys()[key].id, change.project_id());
    }
  } else {
    changed =
        Set(store.disabled_projects[change.target], change.kind == ChangeKind::kDisableProject);
    event.projects.push_back(change.project_id());
  }
  if (!changed) return std::nullopt;
  return event;
}

std::array<bool, kRights> AllowedRights(const StoreState& store) {
  std::array<bool, kRights> allowed{};
  for (size_t right = 0; right < kRights; ++right) {
    const size_t key = KeyOf(right);
    allowed[right] = CodeOf(store, key, absl::InfinitePast()) == VerifyCode::kValid &&
                     (!IsWrite(right) || store.keys[key].may_write);
  }
  return allowed;
}

VerifyCode CodeOf(const StoreState& store, size_t key, absl::Time now) {
  const StoredKey& stored = store.keys[key];
  if (!stored.issued) return VerifyCode::kNotFound;
  if (stored.revoked) return VerifyCode::kRevoked;
  if (now >= stored.expire_time) return VerifyCode::kExpired;
  if (stored.disabled || store.disabled_projects[Keys()[key].project]) {
    return VerifyCode::kDisabled;
  }
  return VerifyCode::kValid;
}

}  // namespace claviger::simulation
