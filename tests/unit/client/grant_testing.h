// Keys, hashes and grants for the tests of the client's caches.
#ifndef CLAVIGER_TESTS_UNIT_CLIENT_GRANT_TESTING_H_
#define CLAVIGER_TESTS_UNIT_CLIENT_GRANT_TESTING_H_

#include <cstdint>
#include <memory>
#include <string>

#include "client/src/cached_grant.h"
#include "client/src/grant_cache.h"
#include "core/digest.h"
#include "core/key_format.h"
#include "core/revision.h"
#include "fmt/format.h"

namespace claviger::client {

// The `n`th key id, and the hash of the `n`th key.
inline KeyId IdOf(uint64_t n) { return *KeyId::Parse(fmt::format("00{:014}", n)); }
inline KeyHash HashOf(uint64_t n) { return {Sha256(fmt::format("key {}", n))}; }

// Epochs that differ in `n`.
inline Epoch EpochOf(uint8_t n) {
  Epoch epoch;
  epoch.bytes.fill(n);
  return epoch;
}

// An answer about the `n`th key that reflects `revision`.
inline NewGrant GrantOf(uint64_t n, uint64_t revision = 1, const std::string& project_id = "web") {
  auto grant = std::make_shared<CachedGrant>();
  grant->id = IdOf(n);
  grant->project_id = project_id;
  grant->scopes = ScopeSet::FromTrusted({"orders:read"});
  return {.hash = HashOf(n), .grant = std::move(grant), .revision = {revision}};
}

// Whether the `n`th key's entry is there.
inline bool Has(const GrantCache& cache, uint64_t n) {
  return GrantCache::Reader(cache).Find(IdOf(n)) != nullptr;
}

}  // namespace claviger::client

#endif  // CLAVIGER_TESTS_UNIT_CLIENT_GRANT_TESTING_H_
