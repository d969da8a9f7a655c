#include "server/manage/audit_list.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>
#include <utility>

#include "server/manage/page_token.h"
#include "server/manage/permissions.h"

namespace claviger {
namespace {

constexpr size_t kEntriesPerRead = 500;
constexpr Revision kBehindAll{std::numeric_limits<uint64_t>::max()};

bool Contains(const std::vector<std::string>& texts, const std::string& text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

std::string EncodePosition(Revision revision) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>(revision.value >> shift & 0xff));
  }
  return bytes;
}

absl::StatusOr<Revision> DecodePosition(const std::string& bytes) {
  if (bytes.size() != 8) return InvalidPageToken();
  Revision revision;
  for (const char c : bytes) revision.value = revision.value << 8 | static_cast<unsigned char>(c);
  return revision;
}

// Where a list begins: behind (oldest first) or before this.
absl::StatusOr<Revision> BeginOf(const AuditListParams& params) {
  if (params.page_token.empty()) return params.oldest_first ? Revision{0} : kBehindAll;
  const absl::StatusOr<std::string> position =
      DecodePageToken(params.arguments_hash, params.page_token);
  if (!position.ok()) return position.status();
  return DecodePosition(*position);
}

}  // namespace

AuditSelection::AuditSelection(AuditFilter filter, const Caller& caller)
    : filter_(std::move(filter)), sees_everything_(caller.acts_in_all_projects()) {
  if (sees_everything_) return;
  if (filter_.project_ids.empty()) {
    filter_.project_ids = caller.projects();
    return;
  }
  std::erase_if(filter_.project_ids, [&](const std::string& id) { return !caller.IsBoundTo(id); });
  sees_nothing_ = filter_.project_ids.empty();
}

bool AuditSelection::Matches(const AuditEntry& entry) const {
  if (sees_nothing_) return false;
  const AuditDraft& draft = entry.draft;
  if (!filter_.project_ids.empty() && !Contains(filter_.project_ids, draft.project_id)) {
    return false;
  }
  if (!filter_.key_id.empty() && draft.key_id != filter_.key_id) return false;
  if (!filter_.actor.empty() && draft.actor != filter_.actor) return false;
  if (!filter_.actions.empty() && !Contains(filter_.actions, draft.action)) return false;
  if (filter_.start_time.has_value() && entry.time < *filter_.start_time) return false;
  if (filter_.end_time.has_value() && entry.time >= *filter_.end_time) return false;
  return !filter_.refused_only || !draft.refusal.empty();
}

absl::StatusOr<AuditPage> ListAudit(const KeyStore& store, const Caller& caller,
                                    const AuditListParams& params) {
  if (absl::Status s = caller.Require(permission::kAuditRead); !s.ok()) return s;
  absl::StatusOr<Revision> position = BeginOf(params);
  if (!position.ok()) return position.status();
  const AuditSelection selection(params.filter, caller);
  AuditPage page;
  page.shows_hashes = selection.shows_hashes();
  if (selection.shows_hashes()) {
    // Ahead of the entries: all up to here are in the pages that follow.
    absl::StatusOr<AuditHead> head = store.ReadAuditHead();
    if (!head.ok()) return head.status();
    page.head = *head;
  }
  size_t scanned = 0;
  bool at_end = false;
  while (!at_end && page.entries.size() < params.page_size && scanned < kMaxAuditScan) {
    absl::StatusOr<std::vector<AuditEntry>> read =
        params.oldest_first ? store.ReadAudit(*position, kEntriesPerRead)
                            : store.ReadAuditBackwards(*position, kEntriesPerRead);
    if (!read.ok()) return read.status();
    at_end = read->size() < kEntriesPerRead;
    scanned += read->size();
    for (AuditEntry& entry : *read) {
      if (page.entries.size() == params.page_size) {
        at_end = false;
        break;
      }
      position = entry.revision;
      if (selection.Matches(entry)) page.entries.push_back(std::move(entry));
    }
  }
  if (!at_end) {
    page.next_page_token = EncodePageToken(params.arguments_hash, EncodePosition(*position));
  }
  return page;
}

}  // namespace claviger
