// The authority's half of the protocol's rules, each of which the simulation can take away to show
// that it is needed.
#ifndef CLAVIGER_SERVER_SYNC_RULES_H_
#define CLAVIGER_SERVER_SYNC_RULES_H_

namespace claviger::sync {

// All on, except in the simulation: nothing else sets them.
struct AuthorityRules {
  bool lease_margin = true;  // I6: a lease is (L + stale_on_error)(1 + ρ) to the authority, not L
  bool grant_needs_ack = true;      // I7
  bool replay_before_grant = true;  // I8
  bool wait_for_the_gone = true;    // I10: sessions without a connection are waited for too
  bool wait_after_restart = true;   // I11
};

}  // namespace claviger::sync

#endif  // CLAVIGER_SERVER_SYNC_RULES_H_
