// Kills servers during the first start in a new folder, when they make their secrets and their
// store.
#ifndef CLAVIGER_TESTS_CRASH_FIRST_STARTS_H_
#define CLAVIGER_TESTS_CRASH_FIRST_STARTS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "core/clock.h"

namespace claviger::crash {

struct FirstStartOptions {
  std::string server;  // path of clavigerd
  std::string folder;  // an existing one, for folders of its own
  uint64_t seed = 0;
  uint64_t count = 0;
  // How long a start takes here: when to kill.
  absl::Duration usual;
};

// OK when after some kills each server started, with one root key that works and an audit log that
// is whole and begins with the making of it.
absl::Status KillFirstStarts(const FirstStartOptions& options, const Clock& clock);

}  // namespace claviger::crash

#endif  // CLAVIGER_TESTS_CRASH_FIRST_STARTS_H_
