// Records and their persisted form: `version message`, where version is one byte and message one of
// claviger.storage.v1.
//
// Decoding never guesses. DATA_LOSS `DATA_CORRUPT`: the bytes cannot be what was written.
// FAILED_PRECONDITION `DATA_CORRUPT`: they were written by a newer version of this software (a
// version byte or a field that this one does not know), and reading on would drop what it meant.
// Messages name the row, not its content.
#ifndef CLAVIGER_STORAGE_ROCKSDB_CODEC_H_
#define CLAVIGER_STORAGE_ROCKSDB_CODEC_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/audit_entry.h"
#include "core/key_record.h"
#include "core/revision.h"
#include "storage/changes.h"
#include "storage/usage.h"

namespace claviger {

inline constexpr char kRecordVersion = 1;

// Keys by what is stored of their state; expired ones are counted as enabled or disabled.
struct KeyCounts {
  uint64_t enabled = 0;
  uint64_t disabled = 0;
  uint64_t revoked = 0;
  uint64_t deleted = 0;

  friend bool operator==(const KeyCounts&, const KeyCounts&) = default;
};

// Keys that need a pepper, by its id; never 0.
using PepperCounts = std::map<std::string, uint64_t>;

// The row `state` of `meta`.
struct PersistedState {
  Epoch epoch;
  Revision revision;
  absl::Time highest_time = absl::InfinitePast();
  KeyCounts counts;
  PepperCounts keys_by_pepper;
  Sha256Bytes audit_head{};  // zeros: no entry yet
  Revision first_event{1};   // above `revision`: no event is kept

  friend bool operator==(const PersistedState&, const PersistedState&) = default;
};

// Times are kept in whole nanoseconds.
std::string EncodeKey(const KeyRecord& key);
absl::StatusOr<KeyRecord> DecodeKey(const KeyId& id, std::string_view value);

std::string EncodeProject(const ProjectRecord& project);
absl::StatusOr<ProjectRecord> DecodeProject(const std::string& project_id, std::string_view value);

std::string EncodeRequest(const RequestRecord& request);
absl::StatusOr<RequestRecord> DecodeRequest(const std::string& id, std::string_view value);

std::string EncodeEvent(const Event& event);
absl::StatusOr<Event> DecodeEvent(Revision revision, std::string_view value);

std::string EncodeAuditEntry(const AuditEntry& entry);
absl::StatusOr<AuditEntry> DecodeAuditEntry(Revision revision, std::string_view value);

std::string EncodeState(const PersistedState& state);
absl::StatusOr<PersistedState> DecodeState(std::string_view value);

std::string EncodeLongestLease(absl::Duration lease);
absl::StatusOr<absl::Duration> DecodeLongestLease(std::string_view value);
std::string EncodeUsage(const UsageCounts& counts);
absl::StatusOr<UsageCounts> DecodeUsage(std::string_view value);
std::string EncodeLastUse(const LastUse& use);
absl::StatusOr<LastUse> DecodeLastUse(const KeyId& id, std::string_view value);
std::string EncodeCanary(const KeyDigest& digest);
absl::StatusOr<KeyDigest> DecodeCanary(const std::string& pepper_id, std::string_view value);

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_CODEC_H_
