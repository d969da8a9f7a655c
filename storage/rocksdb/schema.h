// Column families and the encodings of their keys. Integers are big endian, so that the order of
// bytes is the order of numbers.
//
//   meta        "schema_version"  -> u32
//               "state"           -> StoreState
//               "canary/" pepper  -> StoredCanary
//               "longest_lease"   -> StoredLongestLease
//   keys        key-id            -> StoredKey
//   by_project  project NUL inverted-create-time key-id  -> empty
//   by_expiry   expire-time key-id                       -> 'E' enabled | 'D' disabled
//   events      revision          -> StoredEvent
//   audit       revision          -> StoredAuditEntry
//   requests    request-id        -> StoredRequest
//   projects    project           -> StoredProject
//   usage       'K' key-id hour   -> StoredUsage
//               'P' project NUL hour -> StoredUsage
//   last_used   key-id            -> StoredLastUse
//
//   key-id = 16 bytes of text;  revision = u64
//   expire-time = u64: nanoseconds since 1970 as i64 with the sign bit flipped
//   inverted-create-time = u64: the complement of the same
//   hour = u32: hours since 1970, in UTC
//
// `by_expiry` has the keys that are neither revoked nor deleted and have an expire time.
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

inline constexpr uint32_t kSchemaVersion = 1;

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
// The id at the end of a row of `by_project` or `by_expiry`; nullopt when there is none.
std::optional<KeyId> KeyIdOfRow(std::string_view row);

std::string ByExpiryRow(absl::Time expire_time, const KeyId& id);
// Rows below this one have expired at `now`.
std::string ByExpiryRowsEnd(absl::Time now);

// A row of `usage`. All of a subject's rows have the same length and beginning.
std::string UsageRowOf(const UsageSubject& subject, UsageHour hour);
// nullopt: not a row of `usage`.
std::optional<UsageHour> HourOfUsageRow(std::string_view row);
// Behind all of the subject's rows, and before any other's.
std::string UsageRowsEnd(const UsageSubject& subject);

inline constexpr std::string_view kExpiryEnabled = "E";
inline constexpr std::string_view kExpiryDisabled = "D";

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_SCHEMA_H_
