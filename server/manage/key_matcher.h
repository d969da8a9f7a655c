// Whether keys are what a list or a bulk change asks for, their use included.
#ifndef CLAVIGER_SERVER_MANAGE_KEY_MATCHER_H_
#define CLAVIGER_SERVER_MANAGE_KEY_MATCHER_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "core/key_record.h"
#include "server/manage/key_list.h"
#include "storage/key_store.h"

namespace claviger {

// One search's filter. When a key was used last is read only of those that pass all else.
//
// Thread safety: none. Blocks on I/O.
class KeyMatcher {
 public:
  // All references outlive this.
  KeyMatcher(const KeyStore& store, const KeyFilter& filter, absl::Time now)
      : store_(store), filter_(filter), now_(now) {}

  // Whether `key` passes all but the project filter; false also once `status` is an error.
  bool Passes(const KeyRecord& key);
  // When it was last found good; InfinitePast: not known, also once `status` is an error.
  absl::Time LastUse(const KeyRecord& key);

  // The first error of a read; what came of the search is then not to be used.
  const absl::Status& status() const { return status_; }

 private:
  const KeyStore& store_;
  const KeyFilter& filter_;
  const absl::Time now_;
  absl::Status status_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_KEY_MATCHER_H_
