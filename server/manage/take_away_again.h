// Takes away once more, from an older state, what was taken away behind it.
#ifndef CLAVIGER_SERVER_MANAGE_TAKE_AWAY_AGAIN_H_
#define CLAVIGER_SERVER_MANAGE_TAKE_AWAY_AGAIN_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/clock.h"
#include "server/manage/taken_away.h"
#include "storage/key_store.h"

namespace claviger {

// One change that was made again.
struct TakenAgain {
  std::string project_id;
  std::string key_id;  // empty: the whole project
  std::string what;    // for people: `revoked`, `disabled`, …
  LoggedChange logged;
};

// A key that was made behind the state and was good at the end of the log.
struct LostKey {
  KeyId id;
  std::string project_id;
  LoggedChange made;
};

// Makes in `store` what `later` says was taken away: keys revoked, deleted or disabled, scopes and
// addresses taken, ends moved forward, projects deleted. Nothing is given: no scope, address or
// time that a key does not have. Where the log does not say what a key was left with, the key is
// disabled. Each is a mutation with an audit entry by `system` that names the first one; those that
// were made, in the order of keys. What is so already is not made again, so that it can be
// repeated.
//
// Blocks on I/O: only for before any call is taken.
absl::StatusOr<std::vector<TakenAgain>> TakeAwayAgain(KeyStore& store, const LaterChanges& later,
                                                      const Clock& clock);

// Keys of `later` that `store` does not have, in the order of their making.
absl::StatusOr<std::vector<LostKey>> FindLostKeys(const KeyStore& store, const LaterChanges& later);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_TAKE_AWAY_AGAIN_H_
