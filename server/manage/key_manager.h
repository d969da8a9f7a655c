// Issues and changes keys.
#ifndef CLAVIGER_SERVER_MANAGE_KEY_MANAGER_H_
#define CLAVIGER_SERVER_MANAGE_KEY_MANAGER_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/clock.h"
#include "core/digest.h"
#include "core/key_record.h"
#include "core/random.h"
#include "core/secret.h"
#include "server/manage/caller.h"
#include "server/manage/key_mint.h"
#include "server/manage/key_rotate.h"
#include "server/manage/key_update.h"
#include "server/manage/mutation_runner.h"
#include "server/manage/policy.h"
#include "server/manage/request_memory.h"
#include "storage/key_store.h"

namespace claviger {

// A new key as asked for, within the bounds of its fields.
struct IssueParams {
  std::string project_id;
  std::string display_name;
  std::string description;
  Environment environment = Environment::kLive;
  ScopeSet scopes;
  Expiration expiration;
  std::string owner;
  std::map<std::string, std::string> labels;
  std::string metadata;  // serialized google.protobuf.Struct
  std::vector<Cidr> allowed_cidrs;
  std::vector<std::string> bound_project_ids;  // sorted
  std::optional<RequestIdentity> request;      // makes the call one that may be repeated
  bool validate_only = false;
};

// A key of `project` as `wanted` says, made by `caller` at `now`, without what its credential gives
// it: id, prefix, mask, digest and pepper. Else the error of CheckCatalog, CheckAddresses or
// ResolveExpiry.
absl::StatusOr<KeyRecord> NewKeyRecord(const ProjectRecord& project, const Caller& caller,
                                       const IssueParams& wanted, absl::Time now);
// `expires <time>` or `never expires`, for the audit entry of a new key.
std::string ExpiryStory(const KeyRecord& key);

struct IssuedKey {
  Secret key;  // empty with validate_only
  std::shared_ptr<const KeyRecord> info;
};

// What every change of a key may carry.
struct ChangeParams {
  KeyId key_id;
  Revision if_revision;  // 0: do not compare
  bool validate_only = false;
};

// Either a difference or a whole set.
struct ScopeChange {
  std::vector<std::string> add;
  std::vector<std::string> remove;
  std::optional<ScopeSet> replace_with;
};

struct ChangedKey {
  std::shared_ptr<const KeyRecord> info;
  Revision revision;         // every verifier must reach this for the change to hold everywhere
  bool restricting = false;  // takes something away
  std::vector<std::string> added_scopes;
  std::vector<std::string> removed_scopes;
};

// A key that would not be revoked, and why.
struct RefusedRevoke {
  KeyId id;
  absl::Status status;
};

// Every method checks the caller's permission before anything else, answers NOT_FOUND for keys and
// projects outside the caller's binding, and never blocks: `done` runs exactly once, on a
// thread of the store or at once.
//
// Thread safety: all methods may be called from any thread at once.
class KeyManager {
 public:
  template <typename T>
  using Done = absl::AnyInvocable<void(absl::StatusOr<T>)>;

  // All arguments outlive the manager.
  KeyManager(KeyStore& store, const PepperSet& peppers, RandomSource& random, const Clock& clock,
             const AdminKeys* admins = nullptr);

  // `deadline` everywhere: on the clock's SinceBoot scale.
  void Issue(const Caller& caller, IssueParams params, absl::Duration deadline,
             Done<IssuedKey> done);

  // Reads one key; at once.
  absl::StatusOr<std::shared_ptr<const KeyRecord>> Get(const Caller& caller, const KeyId& id) const;

  void UpdateScopes(const Caller& caller, const ChangeParams& params, ScopeChange change,
                    absl::Duration deadline, Done<ChangedKey> done);
  void Disable(const Caller& caller, const ChangeParams& params, absl::Duration deadline,
               Done<ChangedKey> done);
  void Enable(const Caller& caller, const ChangeParams& params, absl::Duration deadline,
              Done<ChangedKey> done);
  void Revoke(const Caller& caller, const ChangeParams& params, RevokeReason reason,
              std::string note, absl::Duration deadline, Done<ChangedKey> done);
  void Update(const Caller& caller, const ChangeParams& params, KeyUpdate update,
              absl::Duration deadline, Done<ChangedKey> done);
  void Rotate(const Caller& caller, RotateParams params, absl::Duration deadline,
              Done<RotatedKey> done);

  // Begins the grace of the key that `successor` replaced, if it waits for `successor`'s first use:
  // the old key then ends at `first_use` plus its grace, or sooner where it would have ended sooner
  // anyway; without a grace it is revoked. Gives the old key, or null where none waited. Not a
  // caller's: nobody's permission is asked. May be called again and again.
  void BeginGrace(const KeyId& successor, absl::Time first_use,
                  Done<std::shared_ptr<const KeyRecord>> done);
  // As one of many: `detail` is for the audit entry, and the caller's own key is no exception.
  void RevokeAmongMany(const Caller& caller, const KeyId& id, RevokeReason reason, std::string note,
                       std::string detail, absl::Duration deadline, Done<ChangedKey> done);
  // Which of `ids` RevokeAmongMany would refuse, if it were called for one after the other, because
  // nobody could manage everything any more. Changes nothing. Nobody's permission is asked: what is
  // told is for a caller who may revoke and see all of them. Keys that are not there or are revoked
  // already are left out.
  void FindLastAdmins(std::vector<KeyId> ids, absl::Duration deadline,
                      Done<std::vector<RefusedRevoke>> done);
  void Delete(const Caller& caller, const ChangeParams& params, RevokeReason reason,
              std::string note, absl::Duration deadline, Done<ChangedKey> done);
  void Undelete(const Caller& caller, const ChangeParams& params, absl::Duration deadline,
                Done<ChangedKey> done);

 private:
  struct Edited {
    bool changed = false;
    std::string detail;                // for the audit entry
    bool unseen_by_verifiers = false;  // nothing that decides or comes with a grant has changed
  };
  // Changes `key` in place and notes in `result` what it did.
  using Edit = absl::AnyInvocable<absl::StatusOr<Edited>(const StateReader& state, KeyRecord& key,
                                                         ChangedKey& result)>;
  struct EditKind {
    std::string action;
    Admission admission;
    bool own_key_suffices = false;  // a caller may do it to its own key without the permission
    bool takes_away = false;        // is done in a deleted project, too
  };
  void EditKey(const Caller& caller, std::string_view permission, const ChangeParams& params,
               EditKind kind, absl::Duration deadline, Edit edit, Done<ChangedKey> done);

  absl::StatusOr<ChangeSet> IssueNow(const StateReader& state, const Caller& caller,
                                     const IssueParams& params, IssuedKey& result);
  absl::StatusOr<ChangeSet> RotateNow(const StateReader& state, const Caller& caller,
                                      const RotateParams& params, RotatedKey& result);
  absl::StatusOr<KeyRecord> MakeSuccessor(const StateReader& state, const Caller& caller,
                                          const RotateParams& params, const KeyRecord& old_key,
                                          Secret& raw_key) const;
  absl::StatusOr<ChangeSet> BeginGraceNow(const StateReader& state, const KeyId& successor,
                                          absl::Time first_use,
                                          std::shared_ptr<const KeyRecord>& result) const;

  KeyStore& store_;
  const KeyMint mint_;
  const RequestMemory memory_;
  const Clock& clock_;
  MutationRunner runner_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_KEY_MANAGER_H_
