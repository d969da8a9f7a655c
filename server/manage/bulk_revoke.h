// Revokes many keys by one call.
#ifndef CLAVIGER_SERVER_MANAGE_BULK_REVOKE_H_
#define CLAVIGER_SERVER_MANAGE_BULK_REVOKE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/clock.h"
#include "core/key_format.h"
#include "core/revision.h"
#include "server/manage/caller.h"
#include "server/manage/key_list.h"
#include "server/manage/key_manager.h"
#include "storage/key_store.h"

namespace claviger {

// Which keys, and why.
struct BulkRevokeParams {
  std::vector<KeyId> key_ids;  // without repetition; empty: by `filter`
  KeyFilter filter;
  RevokeReason reason = RevokeReason::kUnspecified;
  std::string note;
  size_t max_keys = 0;  // more that match and are not revoked yet: nothing is done
  bool validate_only = false;
};

// A key that was not revoked, and why.
struct BulkRevokeFailure {
  KeyId id;
  absl::Status status;
};

// What became of them. matched = revoked + already_revoked + failed.
struct BulkRevoked {
  int64_t matched = 0;
  int64_t revoked = 0;  // or would be
  int64_t already_revoked = 0;
  int64_t failed = 0;
  std::vector<BulkRevokeFailure> failures;  // the first kMaxListedFailures
  std::vector<KeyId> sample;                // of the revoked, the first kMaxSample
  // Where every verifier must be so that none of the revoked keys, of old or by this call, is
  // accepted, and the projects that they are in.
  Revision revision;
  absl::btree_set<std::string> project_ids;
  // Keys were left, because the time was over or the server stops.
  bool cut_short = false;
};

inline constexpr size_t kMaxListedFailures = 1000;
inline constexpr size_t kMaxSample = 100;

// Each key is a mutation of its own, with its own revision and audit entry. Not more than a few
// hundred are under way at a time, so that others' changes come through.
//
// Thread safety: all methods may be called from any thread at once.
class BulkRevoker {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<BulkRevoked>)>;

  // All arguments outlive the revoker and what it has under way.
  BulkRevoker(KeyManager& keys, const KeyStore& store, const Clock& clock)
      : keys_(keys), store_(store), clock_(clock) {}

  // Looks for the keys, which blocks on I/O: not for gRPC threads. The revoking goes on by itself,
  // and `done` runs once, on a thread of the store or on this one. From `until` on (SinceBoot
  // scale) nothing more is begun. Errors, with which nothing was changed: PERMISSION_DENIED without
  // keys.revoke; FAILED_PRECONDITION `TOO_MANY_KEYS`; the store's; and of a search that is not over
  // when `until` or Stop comes, DEADLINE_EXCEEDED and UNAVAILABLE `SHUTTING_DOWN`. A key by id that
  // is not there, or is out of the caller's sight, is a failure of that key. A filter that names no
  // project leaves out `claviger`.
  void Run(const Caller& caller, BulkRevokeParams params, absl::Duration until, Done done);

  // Nothing more is begun from now on, and a search that is under way ends soon.
  void Stop() { stopping_.store(true, std::memory_order_relaxed); }

 private:
  class Feed;

  // What a search found.
  struct Found {
    std::vector<KeyId> ids;  // to be revoked; among those that were named also what is not there
    // Those that are revoked already: nothing brings them back, so they are only counted and waited
    // for, and may be any number.
    BulkRevoked before;
  };

  absl::StatusOr<Found> Find(const Caller& caller, const BulkRevokeParams& params,
                             absl::Duration until) const;
  absl::StatusOr<Found> FindNamed(const Caller& caller, const BulkRevokeParams& params) const;
  // Why a search that has until `until` ends now; OK: it does not.
  absl::Status MaySearchOn(absl::Duration until) const;
  void Forecast(const Caller& caller, Found found, absl::Duration until, Done done) const;

  KeyManager& keys_;
  const KeyStore& store_;
  const Clock& clock_;
  std::atomic<bool> stopping_{false};
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_BULK_REVOKE_H_
