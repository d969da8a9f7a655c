// What a good key stands for, as the client library keeps it and hands it out.
#ifndef CLAVIGER_CLIENT_SRC_CACHED_GRANT_H_
#define CLAVIGER_CLIENT_SRC_CACHED_GRANT_H_

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "core/cidr.h"
#include "core/decision.h"
#include "core/key_format.h"
#include "core/scope.h"

namespace claviger::client {

// Plain data without a secret. Shared, and immutable from then on: callers may keep it as long as
// they like, the cache may forget it at any time.
struct CachedGrant {
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
};

// The view for `Decide`, without the date of expiry: see above. `grant` outlives it.
DecisionSubject SubjectOf(const CachedGrant& grant);

// About how much memory `grant` takes, all that hangs on it included.
size_t MemoryOf(const CachedGrant& grant);

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_CACHED_GRANT_H_
