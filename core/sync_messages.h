// What a verifier and the authority say to each other on the Sync stream, in our own terms:
// server/rpc/ and client/src/ turn them into claviger.v1 messages, server/sync/ and the client's
// state machine work on them, and the simulation carries them by hand. The protocol and its
// invariants I1 to I16: docs/invalidation.md.
#ifndef CLAVIGER_CORE_SYNC_MESSAGES_H_
#define CLAVIGER_CORE_SYNC_MESSAGES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "core/key_format.h"
#include "core/revision.h"

namespace claviger::sync {

// Random, one per verifying process: names it across its connections.
using SessionId = std::array<uint8_t, 16>;

// First message of every connection of a verifier.
struct Hello {
  SessionId session_id{};
  Epoch epoch;               // of the position; all zero: none yet
  Revision resume_revision;  // position S: everything up to here is evicted
  std::vector<std::string>
      project_ids;  // only keys of these will be cached; empty: of all that the caller may verify
  absl::Duration stale_on_error;  // how long past its lease the verifier goes on trusting its
                                  // cache; 0 by default
  std::string client;             // name and version, for people
  bool observer = false;          // caches nothing: gets no lease and is waited for by nobody
};

// How a key was used at a verifier, as answered from its cache, since its last report.
struct KeyUse {
  KeyId id;
  uint64_t valid = 0;
  uint64_t insufficient_scope = 0;
  uint64_t address_not_allowed = 0;
  uint64_t other_denied = 0;
  std::optional<absl::Duration> last_used_ago = std::nullopt;  // when it was last found good
  std::string last_used_address = {};                          // that used it then; empty: not said

  friend bool operator==(const KeyUse&, const KeyUse&) = default;
};
inline constexpr size_t kMaxKeyUsesPerBeat = 500;

// Asks for a longer lease, and says how far this verifier is. Sent every beat interval, and at once
// after an invalidation.
struct Beat {
  uint64_t beat_id = 0;     // counts up from 1 on each connection
  Revision acked_revision;  // position S
  // At most kMaxKeyUsesPerBeat. Each is said once: what was in a beat that does not arrive is lost.
  std::vector<KeyUse> usage = {};
};

using FromVerifier = std::variant<Hello, Beat>;

// Answer to Hello.
struct Welcome {
  Epoch epoch;
  Revision head_revision;
  bool resumed = false;  // false: flush, and take head_revision as the position
  absl::Duration lease;
  absl::Duration beat_interval;
  // The projects whose changes will be told, and so the only ones whose keys may be cached;
  // nullopt: all.
  std::optional<std::vector<std::string>> projects;
  // Whether there are keys that were made elsewhere; see Invalidation.
  bool imported_keys = false;
};

// Something that may be cached and is not true any more.
struct KeyItem {
  KeyId id;
  friend bool operator==(const KeyItem&, const KeyItem&) = default;
};
struct ProjectItem {
  std::string id;
  friend bool operator==(const ProjectItem&, const ProjectItem&) = default;
};
struct AllItem {
  friend bool operator==(const AllItem&, const AllItem&) = default;
};
using Item = std::variant<KeyItem, ProjectItem, AllItem>;

// Evict `items`, then go on to `to_revision`, then say so. A verifier that is not at
// `previous_revision` flushes (I2).
struct Invalidation {
  Revision previous_revision;
  Revision to_revision;
  std::vector<Item> items;
  // Whether there are keys that were made elsewhere. While there are none, a text that is no key of
  // ours is nobody's, and with a live lease the authority need not be asked.
  bool imported_keys = false;
};

// A lease for the beat `beat_id`, counted by the verifier from its sending of that beat, by the
// authority from the sending of this (I6). Never sent while an invalidation is unacknowledged (I7).
// Also moves the position: nothing up to `up_to_revision` concerns this verifier any more.
struct Grant {
  uint64_t beat_id = 0;
  Revision up_to_revision;
  absl::Duration lease;
};

enum class ResetReason : uint8_t {
  kTooSlow = 1,
  kHistoryTrimmed = 2,
  kEpochChanged = 3,
  kCallerChanged = 4
};

// Flush, and take `to_revision` as the position. To be acknowledged like an invalidation.
struct Reset {
  Revision to_revision;
  ResetReason why = ResetReason::kTooSlow;
};

// Connect again after this time, here or elsewhere.
struct GoAway {
  absl::Duration reconnect_after;
};

using FromAuthority = std::variant<Welcome, Invalidation, Grant, Reset, GoAway>;

// The largest relative difference of the rates of two machines' clocks that the protocol allows
// for: ρ = 0.5 %.
inline constexpr double kMaxClockRateError = 0.005;
inline constexpr absl::Duration kDefaultLease = absl::Seconds(3);
inline constexpr absl::Duration kMinLease = absl::Seconds(1);
inline constexpr absl::Duration kMaxLease = absl::Seconds(60);
inline constexpr absl::Duration kMaxStaleOnError = absl::Seconds(60);

// How long a lease is to the two sides. The verifier's always ends first (I6).
inline absl::Duration VerifierLease(absl::Duration lease) {
  return lease * (1 - kMaxClockRateError);
}
inline absl::Duration AuthorityLease(absl::Duration lease) {
  return lease * (1 + kMaxClockRateError);
}

}  // namespace claviger::sync

#endif  // CLAVIGER_CORE_SYNC_MESSAGES_H_
