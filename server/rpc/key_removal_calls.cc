// KeyAuthority's calls that delete keys, show them again, or revoke many.

#include <utility>

#include "server/rpc/change_answers.h"
#include "server/rpc/key_authority_service.h"
#include "server/rpc/key_filter.h"
#include "server/rpc/key_requests.h"
#include "server/rpc/unary_call.h"

namespace claviger {
namespace {

v1::RevokeKeysResponse ToAnswer(const BulkRevoked& revoked) {
  v1::RevokeKeysResponse answer;
  answer.set_matched_count(revoked.matched);
  answer.set_revoked_count(revoked.revoked);
  answer.set_already_revoked_count(revoked.already_revoked);
  answer.set_failed_count(revoked.failed);
  for (const BulkRevokeFailure& failure : revoked.failures) {
    v1::RevokeKeysFailure& shown = *answer.add_failures();
    shown.set_key_id(failure.id.ToString());
    shown.set_reason(std::string(ReasonName(DetailsOf(failure.status).reason)));
    shown.set_message(std::string(failure.status.message()));
  }
  for (const KeyId& id : revoked.sample) answer.add_sample_key_ids(id.ToString());
  return answer;
}

}  // namespace

KeyAuthorityService::Reactor* KeyAuthorityService::DeleteKey(Context* context, const Bytes* in,
                                                             Bytes* out) {
  return AnswerLater<v1::DeleteKeyRequest, v1::DeleteKeyResponse>(
      delete_key_, context, in, out, [this](auto call) {
        absl::StatusOr<ChangeParams> params = ToChangeParams(call->request());
        if (!params.ok()) return call->Finish(params.status());
        absl::StatusOr<RevokeNote> note = ToRevokeNote(call->request());
        if (!note.ok()) return call->Finish(note.status());
        keys_.Delete(call->caller(), *params, note->reason, std::move(note->note), call->deadline(),
                     AnswerWith<v1::DeleteKeyResponse>(call, clock_, loop_, retention_));
      });
}

KeyAuthorityService::Reactor* KeyAuthorityService::UndeleteKey(Context* context, const Bytes* in,
                                                               Bytes* out) {
  return AnswerLater<v1::UndeleteKeyRequest, v1::UndeleteKeyResponse>(
      undelete_key_, context, in, out, [this](auto call) {
        absl::StatusOr<ChangeParams> params = ToChangeParams(call->request());
        if (!params.ok()) return call->Finish(params.status());
        keys_.Undelete(call->caller(), *params, call->deadline(),
                       [this, call](absl::StatusOr<ChangedKey> changed) {
                         if (!changed.ok()) return call->Finish(changed.status());
                         call->Finish(claviger::ToAnswer<v1::UndeleteKeyResponse>(
                             *changed, clock_.Now(), retention_));
                       });
      });
}

KeyAuthorityService::Reactor* KeyAuthorityService::RevokeKeys(Context* context, const Bytes* in,
                                                              Bytes* out) {
  return AnswerLater<v1::RevokeKeysRequest, v1::RevokeKeysResponse>(
      revoke_keys_, context, in, out, [this](auto call) {
        absl::StatusOr<BulkRevokeParams> params = ToBulkRevokeParams(call->request());
        if (!params.ok()) return call->Finish(params.status());
        // What is not revoked by then is said not to be, in an answer that still arrives.
        const absl::Duration until = AnswerBy(call->deadline(), clock_.SinceBoot());
        const auto finish = [this, call](absl::StatusOr<BulkRevoked> revoked) {
          if (!revoked.ok()) return call->Finish(revoked.status());
          v1::RevokeKeysResponse answer = ToAnswer(*revoked);
          if (call->request().validate_only() ||
              (revoked->project_ids.empty() && !revoked->cut_short)) {
            return call->Finish(std::move(answer));
          }
          // One project's verifiers, or everybody's.
          std::string project_id =
              revoked->project_ids.size() == 1 ? *revoked->project_ids.begin() : std::string();
          loop_.Await(
              revoked->revision, std::move(project_id),
              WaitUntil(call->request().propagation(), call->deadline(), clock_.SinceBoot()),
              [call, answer = std::move(answer),
               cut_short = revoked->cut_short](const sync::BarrierReport& report) mutable {
                FillPropagation(report, *answer.mutable_propagation());
                // Whatever the verifiers say: some of the keys are not revoked.
                if (cut_short) {
                  answer.mutable_propagation()->set_outcome(v1::PROPAGATION_OUTCOME_PENDING);
                  FillDuration(report.safe_in, *answer.mutable_propagation()->mutable_safe_in());
                }
                call->Finish(std::move(answer));
              });
        };
        absl::Status queued =
            bulk_workers_.Run([this, call, until, finish, params = *std::move(params)]() mutable {
              bulk_.Run(call->caller(), std::move(params), until, finish);
            });
        if (!queued.ok()) call->Finish(queued);
      });
}

}  // namespace claviger
