// One call to the authority per key at a time (I16): checks of the same key that come meanwhile
// wait for its answer.
#ifndef CLAVIGER_CLIENT_SRC_FLIGHT_TABLE_H_
#define CLAVIGER_CLIENT_SRC_FLIGHT_TABLE_H_

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "client/src/cached_grant.h"
#include "client/src/insert_fence.h"
#include "client/src/sync_rules.h"
#include "core/decision.h"
#include "core/digest.h"
#include "core/key_format.h"

namespace claviger::client {

// What the authority said about a key, asked without requirements, so that it serves every check of
// that key.
struct FlightAnswer {
  absl::Status status;  // of the call; the rest counts only when it is OK
  Reflects reflects;
  VerifyCode code = VerifyCode::kNotFound;
  // Set when the secret matched and the key is alive: to be decided on with the check's own
  // requirements.
  std::shared_ptr<const CachedGrant> grant;
  absl::Duration end_of_life = absl::InfiniteDuration();  // of the grant, as in NewGrant
};

// How a wait ends: with the answer, or with null when the check must ask again itself, since the
// answer was from before it began (I4) or the leader gave up.
using FlightCallback = absl::AnyInvocable<void(const FlightAnswer*)>;

// Flights by key id and hash. Outlives the Leads it gave.
//
// Thread safety: all methods may be called from any thread at once. Callbacks run on the thread
// that completes the flight, with no lock held.
class FlightTable {
 private:
  struct Key {
    KeyId id;
    KeyHash hash;
    friend bool operator==(const Key& a, const Key& b) {
      return a.id == b.id && Equal(a.hash, b.hash);
    }
    template <typename H>
    friend H AbslHashValue(H h, const Key& key) {
      return H::combine(std::move(h), key.id, key.hash.bytes);
    }
  };
  struct Flight;

 public:
  explicit FlightTable(const SyncRules& rules = {}) : rules_(rules) {}
  FlightTable(const FlightTable&) = delete;
  FlightTable& operator=(const FlightTable&) = delete;

  // The duty to ask the authority, and to say here what it answered. One that goes without an
  // answer ends its flight, and those who joined it ask again.
  class Lead {
   public:
    Lead(Lead&& other) noexcept;
    Lead& operator=(Lead&&) = delete;
    ~Lead();

    // Ends the flight, then calls those who joined it. The leader itself may always take the
    // answer: it asked after its check began. To be called at most once.
    void Complete(const FlightAnswer& answer);

   private:
    friend class FlightTable;
    Lead(FlightTable& table, const Key& key, std::shared_ptr<Flight> flight);

    FlightTable* table_;
    Key key_;
    std::shared_ptr<Flight> flight_;  // null: nobody could join
  };

  // Joins the flight of the key: `on_answer` will be called once, and nullopt is returned. Or,
  // where there is none, or `here` has no live lease (I4), makes the caller a leader: `on_answer`
  // is dropped uncalled. `here` is from InsertFence::Here, taken after the check began.
  std::optional<Lead> JoinOrLead(const KeyId& id, const KeyHash& hash, const JoinPoint& here,
                                 FlightCallback on_answer);

  // Flights that can be joined now.
  size_t size() const;

 private:
  static constexpr size_t kShards = 16;

  struct Waiter {
    JoinPoint point;
    FlightCallback on_answer;
  };
  struct Flight {
    std::vector<Waiter> waiters;  // guarded by the shard's mutex
  };
  struct alignas(64) Shard {
    mutable absl::Mutex mutex;
    absl::flat_hash_map<Key, std::shared_ptr<Flight>> flights ABSL_GUARDED_BY(mutex);
  };

  Shard& ShardOf(const Key& key);
  // `answer` is null when there is none.
  void Land(const Key& key, Flight& flight, const FlightAnswer* answer);

  const SyncRules rules_;
  std::array<Shard, kShards> shards_;
};

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_FLIGHT_TABLE_H_
