// Sees to it that somebody can always manage everything.
#ifndef CLAVIGER_SERVER_MANAGE_ADMIN_KEYS_H_
#define CLAVIGER_SERVER_MANAGE_ADMIN_KEYS_H_

#include <functional>
#include <memory>
#include <span>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/key_store.h"

namespace claviger {

// What a key that ends sooner than the last administrator's must have left to take its place: a
// day, in which its holder can issue another one.
inline constexpr absl::Duration kLeastReplacementLife = absl::Hours(24);

// Knows which management keys may do everything in all projects, and refuses to take that from the
// last of them. There is no way round it and none is needed: whoever holds that key can issue
// another one first.
//
// Thread safety: used on the store's writer thread only, once it is loaded.
class AdminKeys final : public CommitListener {
 public:
  // Reads the keys of project `claviger`: blocks on I/O. To be added to `store` as a listener
  // before its first commit. `certificate_may` says whether some client certificate may do
  // everything too; it must not block.
  static absl::StatusOr<std::unique_ptr<AdminKeys>> Load(const KeyStore& store,
                                                         std::function<bool()> certificate_may);

  // Whether `store` has a key that may do everything at `now`. Blocks on I/O.
  static absl::StatusOr<bool> AnyIn(const KeyStore& store, absl::Time now);

  // OK, or FAILED_PRECONDITION `LAST_ADMIN_KEY` when `changes`, made to `state` at `now`, would
  // disable, revoke, delete or narrow the last key that may do everything, its addresses too, or
  // end it sooner. Another key takes its place if it may do everything, from all those addresses,
  // and lasts as long or kLeastReplacementLife more. To be called from within a mutation.
  absl::Status Check(const ChangeSet& changes, const StateReader& state, absl::Time now) const;

  void OnCommitted(std::span<const Committed> batch) override;

 private:
  explicit AdminKeys(std::function<bool()> certificate_may)
      : certificate_may_(std::move(certificate_may)) {}

  // Some key besides `given_up`, after `changes`, can take its place.
  absl::StatusOr<bool> AnotherMay(const ChangeSet& changes, const KeyRecord& given_up,
                                  const StateReader& state, absl::Time now) const;

  const std::function<bool()> certificate_may_;
  // At least all that may; whether one still does, its record says.
  absl::flat_hash_set<KeyId> candidates_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_ADMIN_KEYS_H_
