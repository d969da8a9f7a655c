// How changes that may restrict are answered: with the thing as it is now and, if the change
// restricts, how far it has reached.
#ifndef CLAVIGER_SERVER_RPC_CHANGE_ANSWERS_H_
#define CLAVIGER_SERVER_RPC_CHANGE_ANSWERS_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "claviger/v1/key.pb.h"
#include "core/clock.h"
#include "core/lifecycle.h"
#include "server/manage/key_manager.h"
#include "server/rpc/answers.h"
#include "server/sync/sync_loop.h"

namespace claviger {

void FillPropagation(const sync::BarrierReport& report, v1::Propagation& out);

// Until when a barrier may wait so that its answer still reaches a client that waits until
// `deadline`.
absl::Duration AnswerBy(absl::Duration deadline, absl::Duration now);

// Until when a change of this mode, asked for by a client that waits until `deadline`, waits for
// verifiers.
absl::Duration WaitUntil(v1::PropagationMode mode, absl::Duration deadline, absl::Duration now);

template <typename Answer>
Answer ToAnswer(const ChangedKey& changed, absl::Time now, absl::Duration deleted_key_retention) {
  Answer answer;
  FillKey(*changed.info, now, *answer.mutable_info());
  FillPurgeTime(*changed.info, deleted_key_retention, *answer.mutable_info());
  if constexpr (requires { answer.add_added(""); }) {
    for (const std::string& scope : changed.added_scopes) answer.add_added(scope);
    for (const std::string& scope : changed.removed_scopes) answer.add_removed(scope);
  }
  return answer;
}

// Answers `call` with `answer` to a change that may restrict; if it does, after its barrier.
template <typename Change, typename Answer, typename Call>
void FinishWith(const Change& change, Answer answer, Call call, const Clock& clock,
                sync::SyncLoop& loop) {
  if (!change.restricting || call->request().validate_only()) {
    return call->Finish(std::move(answer));
  }
  const absl::Duration until =
      WaitUntil(call->request().propagation(), call->deadline(), clock.SinceBoot());
  loop.Await(change.revision, change.info->project_id, until,
             [call, answer = std::move(answer)](const sync::BarrierReport& report) mutable {
               FillPropagation(report, *answer.mutable_propagation());
               call->Finish(std::move(answer));
             });
}

template <typename Answer, typename Call>
KeyManager::Done<ChangedKey> AnswerWith(
    Call call, const Clock& clock, sync::SyncLoop& loop,
    absl::Duration deleted_key_retention = kDefaultDeletedKeyRetention) {
  return [call = std::move(call), &clock, &loop,
          deleted_key_retention](absl::StatusOr<ChangedKey> changed) {
    if (!changed.ok()) return call->Finish(changed.status());
    FinishWith(*changed, ToAnswer<Answer>(*changed, clock.Now(), deleted_key_retention), call,
               clock, loop);
  };
}

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_CHANGE_ANSWERS_H_
