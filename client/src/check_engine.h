// A check: from the cache where it may be trusted, else from the authority.
#ifndef CLAVIGER_CLIENT_SRC_CHECK_ENGINE_H_
#define CLAVIGER_CLIENT_SRC_CHECK_ENGINE_H_

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "claviger/checker.h"
#include "claviger/client_observer.h"
#include "claviger/decision.h"
#include "client/src/authority.h"
#include "client/src/decision_builder.h"
#include "client/src/flight_table.h"
#include "client/src/grant_cache.h"
#include "client/src/insert_fence.h"
#include "client/src/negative_cache.h"
#include "client/src/verifier_view.h"
#include "core/clock.h"
#include "core/digest.h"
#include "core/key_format.h"
#include "core/key_hints.h"

namespace claviger::client {

// Thread safety: all methods may be called from any thread at once.
class CheckEngine {
 public:
  struct Options {
    absl::Duration check_timeout;
    std::vector<std::string> project_ids;  // whose keys may be cached; empty: all
  };
  // All outlive the engine; `observer` may be null.
  struct Surroundings {
    const Clock& clock;
    const VerifierView& view;
    GrantCache& grants;
    NegativeCache& negatives;
    KeyHints& foreign;  // which keys texts are that are no keys of ours
    InsertFence& fence;
    FlightTable& flights;
    Authority& authority;
    ClientObserver* observer;
  };
  CheckEngine(Options options, const Surroundings& surroundings);

  // As Checker says. `may_wait` false: UNAVAILABLE where the authority would have to be waited for.
  Decision Check(std::string_view key, const CheckRequirements& wanted, bool may_wait);
  void CheckAsync(std::string_view key, const CheckRequirements& wanted, CheckCallback callback);

  // All checks answer UNAVAILABLE from now on, but for those that the cache still answers.
  void Close() { closed_.store(true, std::memory_order_relaxed); }

 private:
  // A text that may be a key, and that the cache could not answer for.
  using Question = AskedKey;
  struct PendingCheck;

  // The decision that needs no call, or nullopt with `question` filled.
  std::optional<Decision> DecideLocally(std::string_view key, const CheckRequirements& wanted,
                                        Question& question) const;
  // The same for a text that is no key of ours, where that was found out at `now`; it was hashed
  // before if `hashed`.
  std::optional<Decision> DecideForeign(std::string_view key, const CheckRequirements& wanted,
                                        absl::Duration now, bool lease_live, bool hashed,
                                        Question& question) const;
  Decision HitBy(std::shared_ptr<const CachedGrant> grant, const CheckRequirements& wanted,
                 absl::Duration now) const;
  void CountAsking(bool lease_live) const;
  // The cached grant that is live and of that key; null: none.
  std::shared_ptr<const CachedGrant> FindGrant(const Question& question, absl::Duration now) const;
  // The same at `place` for `key`, whose `hash` it works out while memory is fetched.
  std::shared_ptr<const CachedGrant> FindGrant(const GrantCache::Place& place, std::string_view key,
                                               absl::Duration now, KeyHash& hash) const;
  Decision NotFoundLocally() const;
  // Starts to ask the authority, or joins who already does. Ends in Finish.
  void Ask(std::shared_ptr<PendingCheck> check);
  void Insert(const Question& question, const AuthorityAnswer& answer);
  // `joined`: another check had asked.
  void Finish(PendingCheck& check, const FlightAnswer& answer, bool joined = false) const;
  // What is left when the authority gave no answer.
  Decision DecideWithoutAnswer(const PendingCheck& check, const absl::Status& why) const;
  Decision Observed(Decision decision) const;

  const Options options_;
  const Surroundings env_;
  std::atomic<bool> closed_{false};
};

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_CHECK_ENGINE_H_
