// Entries of the audit log, and the hashes that chain them. docs/storage-format.md has a test
// vector, so that anybody can check an exported log with a program of their own.
//
//   hash = SHA-256("claviger.audit.v1" NUL  revision  time
//                  actor peer action project_id key_id detail refusal  previous_hash)
//
//   revision        u64, big endian
//   time            i64, big endian: nanoseconds since 1970-01-01T00:00:00Z
//   each text       its length in bytes as u32, big endian, then the bytes
//   previous_hash   32 bytes; zeros in the first entry
#ifndef CLAVIGER_CORE_AUDIT_ENTRY_H_
#define CLAVIGER_CORE_AUDIT_ENTRY_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "core/digest.h"
#include "core/revision.h"

namespace claviger {

// Who did what to what: one for each mutation that changed something, and for refused calls. The
// store adds revision, time and the hash of the entry before.
struct AuditDraft {
  std::string actor;   // `key:<key id>`, `cert:<SAN>`, `system`, or `unknown` in a refused call
  std::string peer;    // where the call came from, without the port; may be empty
  std::string action;  // `IssueKey`, `RevokeKey`, …
  std::string project_id;
  std::string key_id;  // empty where the mutation is about a project
  std::string detail;  // a short text for people; never a secret
  // Of a call that was refused: the reason's name. Empty: it was not.
  std::string refusal;
};

// An entry in its place.
struct AuditEntry {
  Revision revision;
  absl::Time time;  // in whole nanoseconds
  AuditDraft draft;
  Sha256Bytes previous_hash{};  // zeros in the first
};

// What is hashed.
std::string CanonicalAuditEntry(const AuditEntry& entry);
Sha256Bytes HashAuditEntry(const AuditEntry& entry);

// The end of a log.
struct AuditHead {
  Revision revision;   // of the last entry; 0: there is none
  Sha256Bytes hash{};  // zeros: there is none

  // `REVISION:HASH`, the hash in lower-case hexadecimal: what somebody keeps elsewhere.
  std::string ToString() const;
  // nullopt for any other text.
  static std::optional<AuditHead> Parse(std::string_view text);

  friend bool operator==(const AuditHead&, const AuditHead&) = default;
};

}  // namespace claviger

#endif  // CLAVIGER_CORE_AUDIT_ENTRY_H_
