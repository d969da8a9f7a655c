// Column families and the encodings of their keys. Integers are big endian, so that the order of
// bytes is the order of numbers.
//
//   meta        "schema_version"  -> u32
//               "state"           -> StoreState
//               "canary/" pepper  -> StoredCanary
//               "longest_lease"   -> StoredLongestLease
//   keys        key-id            -> StoredKey
//   by_project  project NUL inverted-create-time key-id             -> empty
//   by_owner    project NUL owner NUL inverted-create-time key-id   -> empty
//   by_label    project NUL name=value NUL inverted-create-time key-id -> empty
//   by_expiry   expire-time key-id  -> 'E' enabled | 'D' disabled | 'R' revoked or deleted
//   by_delete   delete-time key-id  -> empty
//   events      revision          -> StoredEvent
//   audit       revision          -> StoredAuditEntry
//   requests    request-id        -> StoredRequest
//   projects    project           -> StoredProject
//   imported    digest            -> key-id
//   usage       'K' key-id hour   -> StoredUsage
//               'P' project NUL hour -> StoredUsage
//   last_used   key-id            -> StoredLastUse
//
//   digest = 32 bytes: the peppered digest of a key that was made elsewhere
//   key-id = 16 bytes of text;  revision = u64
//   expire-time, delete-time = u64: nanoseconds since 1970 as i64 with the sign bit flipped
//   inverted-create-time = u64: the complement of the same
//   hour = u32: hours since 1970, in UTC
//
// Each row of by_project, by_owner and by_label is there a second time with an empty project, for
// lists over all projects. Owners, and labels' names and values, have no NUL; an empty owner has no
// row. `by_expiry` has the keys that have an expire time, `by_delete` the deleted ones.
// index_rows.h makes these rows.
#ifndef CLAVIGER_STORAGE_ROCKSDB_SCHEMA_H_
#define CLAVIGER_STORAGE_ROCKSDB_SCHEMA_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "core/key_format.h"
#include "core/revision.h"
#include "storage/key_store.h"

namespace claviger {

inline constexpr uint32_t kSchemaVersion = 2;

// Position in `kFamilyNames`.
enum class Family : size_t {
  kMeta,
  kKeys,
  kByProject,
  kByExpiry,
  kEvents,
  kAudit,
  kRequests,
  kProjects,
  kByOwner,
  kByLabel,
  kByDelete,
  kImported,
  kUsage,
  kLastUsed,
};
inline constexpr std::array<std::string_view, 14> kFamilyNames = {
    "meta",     "keys",     "by_project", "by_expiry", "events",   "audit", "requests",
    "projects", "by_owner", "by_label",   "by_delete", "imported", "usage", "last_used"};

inline constexpr std::string_view kSchemaVersionRow = "schema_version";
inline constexpr std::string_view kStateRow = "state";
inline constexpr std::string_view kCanaryRowPrefix = "canary/";
inline constexpr std::string_view kLongestLeaseRow = "longest_lease";

std::string EncodeU32(uint32_t value);
std::optional<uint32_t> DecodeU32(std::string_view bytes);

std::string RevisionRow(Revision revision);
std::optional<Revision> ParseRevisionRow(std::string_view row);

// All of a project's rows in `by_project` have this prefix, and are below its end.
std::string ProjectRowsBegin(std::string_view project_id);
std::string ProjectRowsEnd(std::string_view project_id);
std::string ByProjectRow(std::string_view project_id, const KeyCursor& cursor);
// The same for rows that begin with `prefix`, which ends in NUL.
std::string RowByCreateTime(std::string_view prefix, const KeyCursor& cursor);
// The id at the end of an index's row; nullopt when there is none.
std::optional<KeyId> KeyIdOfRow(std::string_view row);

std::string ByExpiryRow(absl::Time expire_time, const KeyId& id);
// Rows below this one have expired at `now`.
std::string ByExpiryRowsEnd(absl::Time now);
// Rows from this one on expire at `time` or later.
std::string ByExpiryRowsBegin(absl::Time time);

std::string ByDeleteRow(absl::Time delete_time, const KeyId& id);
// Rows below this one were deleted at `until` or earlier.
std::string ByDeleteRowsEnd(absl::Time until);

// A row of `usage`. All of a subject's rows have the same length and beginning.
std::string UsageRowOf(const UsageSubject& subject, UsageHour hour);
// nullopt: not a row of `usage`.
std::optional<UsageHour> HourOfUsageRow(std::string_view row);
// Behind all of the subject's rows, and before any other's.
std::string UsageRowsEnd(const UsageSubject& subject);

inline constexpr std::string_view kExpiryEnabled = "E";
inline constexpr std::string_view kExpiryDisabled = "D";
inline constexpr std::string_view kExpiryRevoked = "R";

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_SCHEMA_H_
