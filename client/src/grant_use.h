// Counts the checks that a cached grant answered, for the authority to be told some seconds later.
#ifndef CLAVIGER_CLIENT_SRC_GRANT_USE_H_
#define CLAVIGER_CLIENT_SRC_GRANT_USE_H_

#include <atomic>
#include <cstdint>

#include "core/cidr.h"

namespace claviger::client {

// What every check that finds the key good writes: one line of memory, and, being the first of the
// grant, the one that holds the grant's count of references, which every check writes anyway.
//
// A copy of a grant has counted nothing.
struct GrantUse {
  GrantUse() = default;
  GrantUse(const GrantUse& /*other*/) {}
  GrantUse& operator=(const GrantUse& /*other*/) { return *this; }

  // With it `last_use` tells that GrantUseDetails has the address of that use.
  static constexpr uint32_t kHasAddress = uint32_t{1} << 31;

  std::atomic<uint32_t> valid{0};
  // Of the last such check: whole seconds on the scale of Clock::SinceBoot, plus one; 0: none.
  std::atomic<uint32_t> last_use{0};
};

// What is written by denials, and, where there are addresses, once a second.
struct GrantUseDetails {
  GrantUseDetails() = default;
  GrantUseDetails(const GrantUseDetails& /*other*/) {}
  GrantUseDetails& operator=(const GrantUseDetails& /*other*/) { return *this; }

  std::atomic<uint32_t> insufficient_scope{0};
  std::atomic<uint32_t> address_not_allowed{0};
  std::atomic<uint32_t> other_denied{0};
  // Held by who reads or writes the address. Nobody waits for it: who does not get it leaves that
  // to the next check, or does without.
  std::atomic<bool> address_taken{false};
  IpAddress address;
};

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_GRANT_USE_H_
