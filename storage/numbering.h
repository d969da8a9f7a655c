// Gives a mutation's changes their place in history.
#ifndef CLAVIGER_STORAGE_NUMBERING_H_
#define CLAVIGER_STORAGE_NUMBERING_H_

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/key_store.h"
#include "storage/numbered_change.h"

namespace claviger {

// `changes` as revision `revision`, committed at `now` over `state`. INTERNAL when the changes
// cannot be right, whoever made them: a key twice, a key that moves to another project or create
// time, a revoked key that would work again.
absl::StatusOr<NumberedChange> Number(ChangeSet changes, Revision revision, absl::Time now,
                                      const StateReader& state);

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_NUMBERING_H_
