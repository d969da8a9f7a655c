// Which rules of the protocol this verifier keeps. All of them, but for the simulation, which takes
// one away to show that it would notice.
#ifndef CLAVIGER_CLIENT_SRC_SYNC_RULES_H_
#define CLAVIGER_CLIENT_SRC_SYNC_RULES_H_

namespace claviger::client {

// The numbers are those of docs/invalidation.md. Nothing public sets any of these.
struct SyncRules {
  bool flush_on_gap = true;               // I2: an invalidation that does not follow S flushes
  bool insert_fence = true;               // I3: no answer from before S enters the cache
  bool join_fence = true;                 // I4: no answer from before one's joining is taken
  bool client_lease_margin = true;        // I6: a lease counts from the beat, less ρ
  bool keep_only_until_lease_end = true;  // I8: a new connection alone extends no lease
  bool evict_before_ack = true;           // I9: evicted first, said afterwards
  bool flush_on_new_epoch = true;         // I12: nothing is kept across histories
};

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_SYNC_RULES_H_
