// Which answers may enter the cache, and which may be shared between checks (I3, I4).
#ifndef CLAVIGER_CLIENT_SRC_INSERT_FENCE_H_
#define CLAVIGER_CLIENT_SRC_INSERT_FENCE_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "client/src/grant_cache.h"
#include "client/src/negative_cache.h"
#include "client/src/sync_rules.h"
#include "client/src/verifier_view.h"
#include "core/digest.h"
#include "core/key_format.h"
#include "core/revision.h"
#include "core/sync_messages.h"

namespace claviger::client {

// What an answer of the authority reflects: every change of the history `epoch` up to `revision`.
struct Reflects {
  Epoch epoch;
  Revision revision;
};

// The projects whose changes the authority tells us, sorted; null: all. Of others nothing is kept
// and nothing shared: their revokes neither reach us nor wait for us.
using ToldProjects = std::shared_ptr<const std::vector<std::string>>;

// Whether `project_id` is among them.
bool Tells(const ToldProjects& projects, std::string_view project_id);

// Where the verifier was when a check joined a call that was already on its way.
struct JoinPoint {
  Epoch epoch;
  Revision position;  // S
  bool lease_live = false;
  ToldProjects projects;

  // Whether a check that joined here may take an answer that it did not ask for (I4). An answer
  // from before may be right for whoever asked then, and wrong for a check that began since.
  // `grant` is what the answer grants; null: nothing.
  bool MayTake(const Reflects& answer, const CachedGrant* grant, const SyncRules& rules = {}) const;
};

// A step of the verifier's position S. First goes what is not true any more, then S moves.
struct CacheStep {
  bool flush = false;
  std::vector<sync::Item> items;  // evicted where `flush` does not take all
  Epoch epoch;
  Revision position;      // S afterwards
  ToldProjects projects;  // from now on
};

// Owns the position S as the caches see it. A step (evict, then move S) and an insertion (compare
// with S, then insert) exclude each other: between the test and the insertion of an answer nothing
// is evicted, so an answer from before an invalidation never lands behind it.
//
// Thread safety: all methods may be called from any thread at once. Insertions go on side by side.
// Lookups in the caches do not come here.
class InsertFence {
 public:
  // `view` and the caches outlive the fence; from now on they are filled and emptied through it.
  InsertFence(const VerifierView& view, GrantCache& grants, NegativeCache& negatives,
              const SyncRules& rules = {})
      : view_(view), grants_(grants), negatives_(negatives), rules_(rules) {}

  // When this returns, what the step removed is gone for every later lookup (I2): only then may it
  // be acknowledged (I9).
  void Apply(const CacheStep& step) ABSL_LOCKS_EXCLUDED(mutex_);

  // False: not inserted, since the answer is of another epoch, from before S or of a project that
  // is not told, or since the cache would not have it. The check that asked may use the answer all
  // the same.
  bool Insert(NewGrant grant, const Epoch& epoch) ABSL_LOCKS_EXCLUDED(mutex_);
  // Likewise for the answer NOT_FOUND, asked for at `asked_at`.
  bool InsertNotFound(const KeyId& id, const KeyHash& hash, const Reflects& answer,
                      absl::Duration asked_at) ABSL_LOCKS_EXCLUDED(mutex_);

  // For a check that is about to join a call; `now` was read after the check began.
  JoinPoint Here(absl::Duration now) const ABSL_LOCKS_EXCLUDED(mutex_);

  Revision position() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  bool MayInsert(const Reflects& answer) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  const VerifierView& view_;
  GrantCache& grants_;
  NegativeCache& negatives_;
  const SyncRules rules_;

  mutable absl::Mutex mutex_;                           // held before the caches' own
  std::optional<Epoch> epoch_ ABSL_GUARDED_BY(mutex_);  // none before the first step
  Revision position_ ABSL_GUARDED_BY(mutex_);
  ToldProjects projects_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_INSERT_FENCE_H_
