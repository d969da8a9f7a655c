// Reads keys from the store, of one list or of several merged into one.
#ifndef CLAVIGER_SERVER_MANAGE_KEY_READING_H_
#define CLAVIGER_SERVER_MANAGE_KEY_READING_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/key_store.h"

namespace claviger {

// Visits keys of one list of the store, in its order, behind `after` (null: from where the list
// begins), until the visitor returns false.
using KeyReader = std::function<absl::Status(const KeyRecord* after, const KeyVisitor& visit)>;

// Keys as they are at present: of a project that was deleted with its keys they are revoked, though
// their records may not say so yet.
//
// Thread safety: none.
class PresentKeys {
 public:
  // `store` outlives this.
  explicit PresentKeys(const KeyStore& store) : store_(store) {}

  // `key`, or a copy of it that is revoked and lives until the next call. The store's errors.
  absl::StatusOr<const KeyRecord*> Of(const KeyRecord& key);

 private:
  const KeyStore& store_;
  // Of the last key: keys of a project come together.
  std::string project_id_;
  std::optional<absl::Time> project_deleted_;
  KeyRecord revoked_;
};

// The keys are given as PresentKeys has them. `store` outlives what is returned.
KeyReader ReadScan(const KeyStore& store, KeyScan scan);
KeyReader ReadExpiring(const KeyStore& store, ExpiryScan scan);

// Visits the keys of all `readers` in the order of `place`, which is the order of each of them. Of
// each list it reads little at first and more as it is used: a list whose keys come late costs one
// read of `first_read` keys at most. Several lists are not read over one state: what changes its
// place meanwhile may be visited twice or not at all. Blocks on I/O.
absl::Status VisitMerged(const std::vector<KeyReader>& readers,
                         const std::function<std::string(const KeyRecord&)>& place,
                         size_t first_read, const KeyVisitor& visit);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_KEY_READING_H_
