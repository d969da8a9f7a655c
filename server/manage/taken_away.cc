#include "server/manage/taken_away.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_split.h"
#include "core/scope.h"
#include "core/status.h"
#include "fmt/format.h"

namespace claviger {
namespace {

// Of the grace that waits for the first use of a successor.
constexpr std::string_view kAfterFirstUse = " after its successor's first use";

LoggedChange LoggedIn(const AuditEntry& entry) {
  return {.revision = entry.revision,
          .time = entry.time,
          .actor = entry.draft.actor,
          .action = entry.draft.action,
          .detail = entry.draft.detail};
}

absl::Status Unreadable(const AuditEntry& entry) {
  return ErrorBuilder(absl::StatusCode::kFailedPrecondition, Reason::kConfigInvalid)
      .Build(fmt::format("revision {}: what {} changed cannot be told from its detail, which is in "
                         "no form that this version writes: restore with the version that made it",
                         entry.revision.value, entry.draft.action));
}

// What stands in `text` behind `before` and in front of `after`; nullopt: nothing does.
std::optional<std::string_view> Between(std::string_view text, std::string_view before,
                                        std::string_view after) {
  const size_t at = text.find(before);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = text.substr(at + before.size());
  const size_t end = after.empty() ? rest.size() : rest.find(after);
  if (end == std::string_view::npos) return std::nullopt;
  return rest.substr(0, end);
}

std::vector<std::string> Words(std::string_view text) {
  return absl::StrSplit(absl::string_view(text.data(), text.size()), ' ', absl::SkipEmpty());
}

// A time as details have it, or `never`.
std::optional<absl::Time> ReadEnd(std::string_view text) {
  if (text == "never") return absl::InfiniteFuture();
  absl::Time time;
  std::string ignored;
  if (!absl::ParseTime(absl::RFC3339_sec, std::string(text), &time, &ignored)) return std::nullopt;
  // Abseil reads words for infinite times, too; and what a record cannot keep is no end of a key.
  return absl::FromUnixNanos(absl::ToUnixNanos(time)) == time ? std::optional(time) : std::nullopt;
}

// Without what was added when the change was made again.
std::string_view OwnPart(std::string_view detail) {
  return detail.substr(0, detail.find("; again"));
}

}  // namespace

absl::Status LaterChanges::Add(const AuditEntry& entry) {
  const AuditDraft& draft = entry.draft;
  if (!draft.refusal.empty()) return absl::OkStatus();
  if (draft.action == action::kDeleteProject) {
    deleted_projects_[draft.project_id] = LoggedIn(entry);
  } else if (draft.action == "CreateProject") {
    made_projects_[draft.project_id] = LoggedIn(entry);
  }
  const std::optional<KeyId> id = KeyId::Parse(draft.key_id);
  if (!id.has_value()) return absl::OkStatus();
  LaterOfKey& key = keys_[*id];
  key.project_id = draft.project_id;
  const auto note_first = [&](std::optional<LoggedChange>& change) {
    if (!change.has_value()) change = LoggedIn(entry);
  };
  if (draft.action == "IssueKey" || draft.action == "ImportKeys" || draft.action == "Bootstrap" ||
      draft.action == "MakeRootKey") {
    note_first(key.made);
  } else if (draft.action == action::kRevokeKey) {
    note_first(key.revoked);
  } else if (draft.action == action::kDeleteKey) {
    note_first(key.revoked);
    note_first(key.deleted);
  } else if (draft.action == "UndeleteKey") {
    key.deleted.reset();
  } else if (draft.action == action::kDisableKey) {
    key.disabled = LoggedIn(entry);
  } else if (draft.action == "EnableKey") {
    key.disabled.reset();
  } else if (draft.action == "RotateKey" || draft.action == "BeginGrace") {
    return AddRotation(entry, key);
  } else if (draft.action == action::kUpdateScopes) {
    return AddScopes(entry, key);
  } else if (draft.action == action::kUpdateKey) {
    return AddUpdate(entry, key);
  }
  return absl::OkStatus();
}

absl::Status LaterChanges::AddRotation(const AuditEntry& entry, LaterOfKey& key) {
  const std::string_view detail = entry.draft.detail;
  const auto story = Between(detail, "; the old key ", "");
  if (!story.has_value()) return Unreadable(entry);
  if (*story == "revoked") {
    if (!key.revoked.has_value()) key.revoked = LoggedIn(entry);
  } else if (!story->ends_with(kAfterFirstUse)) {
    const auto end = story->starts_with("ends ") ? ReadEnd(story->substr(5)) : std::nullopt;
    if (!end.has_value()) return Unreadable(entry);
    key.moved_end = LoggedIn(entry);
    key.end = *end;
  }
  if (entry.draft.action == "BeginGrace") return absl::OkStatus();
  const auto successor = Between(detail, "replaced by ", ",");
  const auto id = successor.has_value() ? KeyId::Parse(*successor) : std::nullopt;
  if (!id.has_value()) return Unreadable(entry);
  // `key` may not be used from here on: another place may move it.
  LaterOfKey& made = keys_[*id];
  made.project_id = entry.draft.project_id;
  made.made = LoggedIn(entry);
  return absl::OkStatus();
}

absl::Status LaterChanges::AddScopes(const AuditEntry& entry, LaterOfKey& key) {
  const std::string_view detail = OwnPart(entry.draft.detail);
  const auto added = Between(detail, "added [", "]");
  const auto removed = Between(detail, "removed [", "]");
  if (!added.has_value() || !removed.has_value()) return Unreadable(entry);
  key.rescoped = LoggedIn(entry);
  for (const auto& [list, is_added] : {std::pair(*added, true), std::pair(*removed, false)}) {
    for (std::string& scope : Words(list)) {
      if (!IsValidGrantedScope(scope)) return Unreadable(entry);
      key.scopes[std::move(scope)] = is_added;
    }
  }
  return absl::OkStatus();
}

absl::Status LaterChanges::AddUpdate(const AuditEntry& entry, LaterOfKey& key) {
  const std::string_view detail = OwnPart(entry.draft.detail);
  if (!detail.starts_with("changed ")) return Unreadable(entry);
  if (const auto text = Between(detail, "expire_time to ", ""); text.has_value()) {
    const auto end = ReadEnd(*text);
    if (!end.has_value()) return Unreadable(entry);
    key.moved_end = LoggedIn(entry);
    key.end = *end;
  }
  if (detail.find("allowed_cidrs") == std::string_view::npos) return absl::OkStatus();
  key.readdressed = LoggedIn(entry);
  key.allowed_cidrs.reset();
  const auto list = Between(detail, "allowed_cidrs to [", "]");
  if (!list.has_value()) return absl::OkStatus();
  std::vector<Cidr> blocks;
  for (const std::string& word : Words(*list)) {
    const std::optional<Cidr> block = Cidr::Parse(word);
    if (!block.has_value()) return Unreadable(entry);
    blocks.push_back(*block);
  }
  key.allowed_cidrs = std::move(blocks);
  return absl::OkStatus();
}

}  // namespace claviger
