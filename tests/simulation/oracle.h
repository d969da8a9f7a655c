// Who knows everything: what was promised, what was done, and whether the two fit.
#ifndef CLAVIGER_TESTS_SIMULATION_ORACLE_H_
#define CLAVIGER_TESTS_SIMULATION_ORACLE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "client/src/cached_grant.h"
#include "core/key_format.h"
#include "core/revision.h"
#include "core/sync_messages.h"
#include "tests/simulation/world.h"

namespace claviger::simulation {

inline constexpr size_t kProjects = 3;
inline constexpr size_t kKeys = 6;
// To read and to write, for each key.
inline constexpr size_t kRights = 2 * kKeys;

// A key of the simulation; the same for all seeds.
struct SimKey {
  std::string text;
  KeyId id;
  size_t project = 0;
  std::shared_ptr<const client::CachedGrant> reader;  // what it stands for with one scope …
  std::shared_ptr<const client::CachedGrant> writer;  // … and with both
};
const std::array<SimKey, kKeys>& Keys();
const std::array<std::string, kProjects>& ProjectIds();

constexpr size_t RightOf(size_t key, bool write) { return 2 * key + (write ? 1 : 0); }
constexpr size_t KeyOf(size_t right) { return right / 2; }
constexpr bool IsWrite(size_t right) { return right % 2 == 1; }

// What is checked all the time.
enum class Property : uint8_t {
  kStrict,     // what STRICT returned is over is over
  kSafeIn,     // likewise what PENDING said, after so long
  kOneLease,   // likewise any restriction, after one lease
  kExpiry,     // a key ends when it ends
  kWait,       // a strict call ends in time
  kLeaseEnds,  // a lease ends at the verifier first
  kPosition,   // S never goes back within an epoch
  kNoGap,      // invalidations follow each other
  kIssued,     // who was told of a new key knows it
};
std::string_view PropertyName(Property property);

struct Violation {
  Property property;
  absl::Time when;
  std::string text;
};

// What happened in the runs. A run in which nothing happens proves nothing.
enum class Count : uint8_t {
  kChecks,
  kHits,
  kMisses,
  kChecksWithoutLease,
  kStaleAccepts,
  kNotFoundFromCache,
  kChecksAfterAPromise,
  kJoined,
  kJoinedAndRefused,
  kRefusedByTheFence,
  kRefusedForTheProject,
  kExpired,
  kAllAcked,
  kLeasesExpired,
  kPending,
  kWaitsForUnknownLeases,
  kGrants,
  kResumed,
  kResetAtHello,
  kResetTooSlow,
  kKeyItems,
  kProjectItems,
  kAllItems,
  kGoAways,
  kLeasesLost,
  kCuts,
  kAuthorityKilled,
  kAuthorityStopped,
  kRestored,
  kVerifierRestarts,
  kFilterChanges,
  kEnd,
};
std::string_view CountName(Count count);
using Counts = std::array<uint64_t, static_cast<size_t>(Count::kEnd)>;

// Rights that were taken away together, each with the number of times that it had been given.
struct Claim {
  struct Part {
    size_t right;
    uint64_t generation;
  };
  std::vector<Part> parts;
  Revision revision;
};

// Told by the authority what is true and what it promises, by the verifiers what they answer.
class Oracle {
 public:
  // `on_promise` is called with each right that must not be accepted any more.
  Oracle(World& world, std::function<void(size_t right)> on_promise)
      : world_(world), on_promise_(std::move(on_promise)) {
    expired_.fill(absl::InfiniteFuture());
    there_since_.fill(kNotThere);
  }

  void Add(Count count, uint64_t n = 1) { counts_[static_cast<size_t>(count)] += n; }
  const Counts& counts() const { return counts_; }
  void Violated(Property property, std::string text);
  const std::vector<Violation>& violations() const { return violations_; }

  // What the store says from now on: where it is, which rights it gives, which keys there are.
  void OnState(const Epoch& epoch, Revision revision, const std::array<bool, kRights>& allowed,
               const std::array<bool, kKeys>& there);
  // The rights among `rights` that the store does not give.
  Claim Claims(const std::vector<size_t>& rights, Revision revision) const;
  // From now on no check that begins may be accepted by any right of `claim`, unless it was given
  // again.
  void Promise(const Claim& claim, Property property);

  // A key's date of expiry, with what clocks may differ by.
  void SetExpiry(size_t key, absl::Time expired) { expired_[key] = expired; }

  // Whether somebody was told that it is over.
  bool forbidden(size_t right) const { return rights_[right].forbidden; }

  struct Check {
    size_t right = 0;
    absl::Time begun;
    bool forbidden = false;
    Property promised = Property::kStrict;
    uint64_t generation = 0;
  };
  Check OnCheckBegun(size_t right);
  void OnAccepted(const Check& check, std::string_view where);
  // Names the issue of the key if who is at `position` was told of it; else 0.
  uint64_t KnownIssue(size_t key, const Epoch& epoch, Revision position) const {
    return epoch == epoch_ && position >= there_since_[key] ? issues_[key] : 0;
  }

  // The authority sends something to a verifier.
  void OnSent(const sync::FromAuthority& message);
  // The authority will wait for the session until `end`.
  void OnLeaseGiven(const sync::SessionId& session, absl::Time end);
  // The session trusts its cache until `end`.
  void OnLeaseTaken(const sync::SessionId& session, absl::Time end);
  // A new process of the authority waits for all leases until `end`.
  void OnAuthorityStarted(absl::Time end);

 private:
  struct Right {
    bool allowed = false;
    bool forbidden = false;
    Property promised = Property::kStrict;
    uint64_t generation = 0;  // how often it was given
  };

  static constexpr Revision kNotThere{std::numeric_limits<uint64_t>::max()};

  World& world_;
  const std::function<void(size_t right)> on_promise_;
  Counts counts_{};
  std::vector<Violation> violations_;
  std::array<Right, kRights> rights_;
  std::array<absl::Time, kKeys> expired_;
  Epoch epoch_;
  std::array<Revision, kKeys> there_since_;
  std::array<uint64_t, kKeys> issues_{};
  uint64_t last_issue_ = 0;
  std::map<sync::SessionId, absl::Time> given_;
};

}  // namespace claviger::simulation

#endif  // CLAVIGER_TESTS_SIMULATION_ORACLE_H_
