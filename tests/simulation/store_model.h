// What the simulated authority keeps, and what operators do to it.
#ifndef CLAVIGER_TESTS_SIMULATION_STORE_MODEL_H_
#define CLAVIGER_TESTS_SIMULATION_STORE_MODEL_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "core/decision.h"
#include "core/revision.h"
#include "storage/changes.h"
#include "tests/simulation/oracle.h"

namespace claviger::simulation {

struct StoredKey {
  bool issued = true;
  bool disabled = false;
  bool revoked = false;
  bool may_write = true;
  absl::Time expire_time = absl::InfiniteFuture();  // by the authority's wall clock
};

// All that survives the process. A copy is a backup.
struct StoreState {
  Epoch epoch;
  Revision revision;
  std::array<StoredKey, kKeys> keys;
  std::array<bool, kProjects> disabled_projects{};
  std::deque<Event> events;
  absl::Duration longest_lease;  // as in StateReader::LongestLease
};

enum class ChangeKind : uint8_t {
  kIssue,
  kRevoke,
  kDisable,
  kEnable,
  kNarrow,  // takes the right to write
  kWiden,
  kDisableProject,
  kEnableProject,
  kDisableMany,  // all keys of a project, in one change with more items than a message has
};

struct Change {
  ChangeKind kind = ChangeKind::kDisable;
  size_t target = 0;                                   // a key, or a project
  bool strict = true;                                  // where it restricts
  absl::Duration deadline = absl::InfiniteDuration();  // of a strict call, from its beginning on

  bool restricts() const;
  bool concerns_a_key() const;
  const std::string& project_id() const;
  // What it takes away; empty where it gives.
  std::vector<size_t> Restricted() const;
  std::string Describe() const;
};

// Does it. What subscribers are to be told; nullopt: it was so already.
std::optional<Event> Apply(const Change& change, StoreState& store);

// Which rights the store gives, as long as the key is not past its end.
std::array<bool, kRights> AllowedRights(const StoreState& store);

// What Verify says of a key at `now`: kValid, or why not.
VerifyCode CodeOf(const StoreState& store, size_t key, absl::Time now);

}  // namespace claviger::simulation

#endif  // CLAVIGER_TESTS_SIMULATION_STORE_MODEL_H_
