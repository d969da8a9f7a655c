// Reads the audit log for callers: filters, what a caller may see, pages.
#ifndef CLAVIGER_SERVER_MANAGE_AUDIT_LIST_H_
#define CLAVIGER_SERVER_MANAGE_AUDIT_LIST_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/audit_entry.h"
#include "core/digest.h"
#include "server/manage/caller.h"
#include "storage/key_store.h"

namespace claviger {

// What an entry must be to be shown: all of it; an unset filter lets everything through.
struct AuditFilter {
  std::vector<std::string> project_ids;  // sorted
  std::string key_id;
  std::string actor;
  std::vector<std::string> actions;
  std::optional<absl::Time> start_time;
  std::optional<absl::Time> end_time;  // not included
  bool refused_only = false;
};

// A filter within what one caller may see: who is bound to projects sees the entries about those,
// and no others.
//
// Thread safety: immutable.
class AuditSelection {
 public:
  AuditSelection(AuditFilter filter, const Caller& caller);

  bool Matches(const AuditEntry& entry) const;
  // Hashes of entries and the log's end are for those who see all of it: from the hash of an entry
  // one may not see, its content could be guessed.
  bool shows_hashes() const { return sees_everything_; }

 private:
  AuditFilter filter_;
  bool sees_everything_;
  bool sees_nothing_ = false;
};

struct AuditListParams {
  AuditFilter filter;
  bool oldest_first = false;
  size_t page_size = 50;
  std::string page_token;
  // Of everything but page_token and page_size: what a token is bound to.
  Sha256Bytes arguments_hash{};
};

struct AuditPage {
  std::vector<AuditEntry> entries;
  std::string next_page_token;  // empty: this is the last page
  bool shows_hashes = false;
  std::optional<AuditHead> head;  // for a caller who sees everything
};

// Entries that one call looks at, at most: a page may have fewer than asked for, and yet not be the
// last.
inline constexpr size_t kMaxAuditScan = 20'000;

// A page of the log. Errors: PERMISSION_DENIED without audit.read; INVALID_ARGUMENT
// `PAGE_TOKEN_INVALID` for a token that is not ours or was made with other arguments; the store's.
// Blocks on I/O: not for gRPC threads.
absl::StatusOr<AuditPage> ListAudit(const KeyStore& store, const Caller& caller,
                                    const AuditListParams& params);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_AUDIT_LIST_H_
