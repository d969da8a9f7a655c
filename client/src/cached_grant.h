// What a good key stands for, as the client library keeps it and hands it out.
#ifndef CLAVIGER_CLIENT_SRC_CACHED_GRANT_H_
#define CLAVIGER_CLIENT_SRC_CACHED_GRANT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "client/src/grant_use.h"
#include "core/cidr.h"
#include "core/decision.h"
#include "core/key_format.h"
#include "core/scope.h"
#include "core/sync_messages.h"

namespace claviger::client {

// Plain data without a secret. Shared, and immutable from then on: callers may keep it as long as
// they like, the cache may forget it at any time.
struct CachedGrant {
  // All but these two is immutable.
  mutable GrantUse use;
  // What decides comes first: a check of a key that was not checked for long waits for each line of
  // memory.
  std::string project_id;
  ScopeSet scopes;
  std::vector<Cidr> allowed_cidrs;
  KeyId id;
  std::string owner;
  Environment environment = Environment::kLive;
  std::vector<std::pair<std::string, std::string>> labels;  // sorted by key
  std::string metadata;  // a serialized google.protobuf.Struct, opaque here; empty: none
  // As a date, for people. When a cached answer ends is counted on the boot clock instead (I14).
  std::optional<absl::Time> expire_time;
  mutable GrantUseDetails use_details;
};

// Counts a check at `now` (Clock::SinceBoot) that `grant` answered. Takes no lock, allocates
// nothing. `client_ip` is the caller's text for the address that used the key.
void CountDenial(const CachedGrant& grant, VerifyCode code);
void NoteAddress(const CachedGrant& grant, std::string_view client_ip, uint32_t second);
inline void CountUse(const CachedGrant& grant, VerifyCode code, std::string_view client_ip,
                     absl::Duration now) {
  if (code != VerifyCode::kValid) return CountDenial(grant, code);
  grant.use.valid.fetch_add(1, std::memory_order_relaxed);
  const auto second = static_cast<uint32_t>(absl::ToInt64Seconds(now) + 1);
  // Once a second: that of the first check in it is good enough.
  if ((grant.use.last_use.load(std::memory_order_relaxed) & ~GrantUse::kHasAddress) == second) {
    return;
  }
  if (!client_ip.empty()) return NoteAddress(grant, client_ip, second);
  grant.use.last_use.store(second, std::memory_order_relaxed);
}

// When a check last found the key good, on the scale of Clock::SinceBoot, to the second; zero:
// never.
absl::Duration LastUseOf(const CachedGrant& grant);

// Takes out what was counted since the last time; nullopt: nothing. A check that is counted just
// then is in this or in the next.
std::optional<sync::KeyUse> TakeUse(const CachedGrant& grant, absl::Duration now);

// The view for `Decide`, without the date of expiry: see above. `grant` outlives it.
DecisionSubject SubjectOf(const CachedGrant& grant);

// About how much memory `grant` takes, all that hangs on it included.
size_t MemoryOf(const CachedGrant& grant);

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_CACHED_GRANT_H_
