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
#include "server/manage/mutation_runner.h"
#include "server/manage/policy.h"
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
  // A retry with the same id and `arguments_hash` gives the same key for kRequestIdLifetime.
  std::optional<std::string> request_id;
  Sha256Bytes arguments_hash{};  // of all other arguments; only with a request_id
  bool validate_only = false;
};

inline constexpr absl::Duration kRequestIdLifetime = absl::Minutes(10);

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

 private:
  struct Edited {
    bool changed = false;
    std::string detail;  // for the audit entry
  };
  // Changes `key` in place and notes in `result` what it did.
  using Edit = absl::AnyInvocable<absl::StatusOr<Edited>(const StateReader& state, KeyRecord& key,
                                                         ChangedKey& result)>;
  struct EditKind {
    std::string action;
    Admission admission;
    bool own_key_suffices = false;  // a caller may do it to its own key without the permission
  };
  void EditKey(const Caller& caller, std::string_view permission, const ChangeParams& params,
               EditKind kind, absl::Duration deadline, Edit edit, Done<ChangedKey> done);

  absl::StatusOr<ChangeSet> IssueNow(const StateReader& state, const Caller& caller,
                                     const IssueParams& params, IssuedKey& result);
  absl::StatusOr<bool> Replay(const StateReader& state, const Caller& caller,
                              const IssueParams& params, absl::Time now, IssuedKey& result) const;
  absl::StatusOr<RequestRecord> Remember(const Caller& caller, const IssueParams& params,
                                         const KeyRecord& key, const Secret& raw_key) const;

  KeyStore& store_;
  const PepperSet& peppers_;
  RandomSource& random_;
  const Clock& clock_;
  MutationRunner runner_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_KEY_MANAGER_H_
