// How every management call changes the store: check the deadline, run the change, log what was
// done, answer.
#ifndef CLAVIGER_SERVER_MANAGE_MUTATION_RUNNER_H_
#define CLAVIGER_SERVER_MANAGE_MUTATION_RUNNER_H_

#include <memory>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/clock.h"
#include "server/manage/admin_keys.h"
#include "server/manage/caller.h"
#include "storage/key_store.h"

namespace claviger {

// Runs mutations for the managers.
//
// Thread safety: all methods may be called from any thread at once.
class MutationRunner {
 public:
  // All arguments outlive the runner. No change makes the last of `admins`
  // useless; null: none is looked after.
  MutationRunner(KeyStore& store, const Clock& clock, const AdminKeys* admins = nullptr)
      : store_(store), clock_(clock), admins_(admins) {}

  // OK, or why `changes` would take everything from the last administrator. To be called from
  // within a mutation; what `Run` runs is asked anyway.
  absl::Status CheckAdmins(const ChangeSet& changes, const StateReader& state) const;

  // A change of one kind of result: gives the writes, and notes in `result` what the caller will be
  // told. With `validate_only` the writes are dropped after they were worked out.
  template <typename Result>
  using Change = absl::AnyInvocable<absl::StatusOr<ChangeSet>(const StateReader&, Result&)>;
  // Completes `result` from the commit (final records, revision). Runs on a thread of the store;
  // must not block.
  template <typename Result>
  using Complete = absl::AnyInvocable<void(absl::StatusOr<Result>, const Committed*)>;

  // `deadline` is on the clock's SinceBoot scale; a change not begun by then answers
  // DEADLINE_EXCEEDED and writes nothing.
  template <typename Result>
  void Run(absl::Duration deadline, bool validate_only, Change<Result> change,
           Complete<Result> complete) {
    struct Work {
      Result result;
      AuditDraft audit;
    };
    auto work = std::make_shared<Work>();
    store_.Commit(
        [this, deadline, validate_only, work, change = std::move(change)](
            const StateReader& state) mutable -> absl::StatusOr<ChangeSet> {
          if (absl::Status in_time = CheckDeadline(deadline); !in_time.ok()) return in_time;
          absl::StatusOr<ChangeSet> changes = change(state, work->result);
          if (!changes.ok()) return changes.status();
          if (absl::Status kept = CheckAdmins(*changes, state); !kept.ok()) return kept;
          if (validate_only) return ChangeSet{};
          work->audit = changes->audit;
          return changes;
        },
        [work, complete = std::move(complete)](absl::StatusOr<Committed> committed) mutable {
          if (!committed.ok()) {
            complete(committed.status(), nullptr);
            return;
          }
          if (committed->changed) LogMutation(work->audit, committed->revision);
          complete(std::move(work->result), &*committed);
        });
  }

 private:
  absl::Status CheckDeadline(absl::Duration deadline) const;
  static void LogMutation(const AuditDraft& audit, Revision revision);

  KeyStore& store_;
  const Clock& clock_;
  const AdminKeys* const admins_;
};

// The audit entry of `action` by `caller`.
AuditDraft AuditOf(const Caller& caller, std::string action, std::string project_id,
                   std::string key_id, std::string detail);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_MUTATION_RUNNER_H_
