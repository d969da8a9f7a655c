#include "server/rpc/key_authority_service.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "server/manage/permissions.h"
#include "server/rpc/answers.h"
#include "server/rpc/key_requests.h"
#include "server/rpc/sync_convert.h"
#include "server/rpc/unary_call.h"
#include "server/rpc/usage_answers.h"

namespace claviger {
namespace {

constexpr std::string_view kService = "claviger.v1.KeyAuthority";

v1::IssueKeyResponse ToAnswer(const IssuedKey& issued, absl::Time now) {
  v1::IssueKeyResponse answer;
  FillKey(*issued.info, now, *answer.mutable_info());
  answer.set_key(std::string(issued.key.ExposeSecret()));
  if (issued.key.empty()) {
    // Nothing was issued, so nothing has these yet.
    answer.mutable_info()->clear_key_id();
    answer.mutable_info()->clear_key_prefix();
    answer.mutable_info()->clear_masked_key();
  }
  return answer;
}

// The outcomes' numbers differ by one: 0 is UNSPECIFIED on the wire.
static_assert(static_cast<int>(sync::BarrierOutcome::kAllAcked) + 1 ==
              v1::PROPAGATION_OUTCOME_ALL_ACKED);
static_assert(static_cast<int>(sync::BarrierOutcome::kLeasesExpired) + 1 ==
              v1::PROPAGATION_OUTCOME_LEASES_EXPIRED);
static_assert(static_cast<int>(sync::BarrierOutcome::kPending) + 1 ==
              v1::PROPAGATION_OUTCOME_PENDING);

void FillPropagation(const sync::BarrierReport& report, v1::Propagation& out) {
  out.set_revision(report.revision.value);
  out.set_outcome(static_cast<v1::PropagationOutcome>(static_cast<int>(report.outcome) + 1));
  out.set_acked_sessions(report.acked_sessions);
  out.set_expired_sessions(report.expired_sessions);
  out.set_pending_sessions(report.pending_sessions);
  FillDuration(report.waited, *out.mutable_waited());
  if (report.outcome == sync::BarrierOutcome::kPending) {
    FillDuration(report.safe_in, *out.mutable_safe_in());
  }
}

template <typename Answer>
Answer ToAnswer(const ChangedKey& changed, absl::Time now) {
  Answer answer;
  FillKey(*changed.info, now, *answer.mutable_info());
  if constexpr (requires { answer.add_added(""); }) {
    for (const std::string& scope : changed.added_scopes) answer.add_added(scope);
    for (const std::string& scope : changed.removed_scopes) answer.add_removed(scope);
  }
  return answer;
}

// Until when a barrier may wait so that its answer still reaches a client that waits until
// `deadline`.
absl::Duration AnswerBy(absl::Duration deadline, absl::Duration now) {
  return deadline -
         std::clamp((deadline - now) / 10, absl::Milliseconds(5), absl::Milliseconds(200));
}

// Answers `call` with the outcome of a change that may restrict; if it does, after its barrier.
template <typename Answer, typename Call>
KeyManager::Done<ChangedKey> AnswerWith(Call call, const Clock& clock, sync::SyncLoop& loop) {
  return [call = std::move(call), &clock, &loop](absl::StatusOr<ChangedKey> changed) {
    if (!changed.ok()) return call->Finish(changed.status());
    Answer answer = ToAnswer<Answer>(*changed, clock.Now());
    if (!changed->restricting || call->request().validate_only()) {
      return call->Finish(std::move(answer));
    }
    const absl::Duration now = clock.SinceBoot();
    const absl::Duration until = call->request().propagation() == v1::PROPAGATION_MODE_COMMIT
                                     ? now
                                     : AnswerBy(call->deadline(), now);
    loop.Await(changed->revision, changed->info->project_id, until,
               [call, answer = std::move(answer)](const sync::BarrierReport& report) mutable {
                 FillPropagation(report, *answer.mutable_propagation());
                 call->Finish(std::move(answer));
               });
  };
}

}  // namespace

KeyAuthorityService::KeyAuthorityService(const RpcEnvironment& environment, KeyManager& keys,
                                         const KeyStore& store, WorkerPool& workers,
                                         sync::SyncLoop& loop)
    : keys_(keys),
      store_(store),
      workers_(workers),
      loop_(loop),
      clock_(environment.clock),
      issue_key_(environment, kService, "IssueKey", {.permission = permission::kKeysIssue}),
      get_key_(environment, kService, "GetKey", {.permission = permission::kKeysRead}),
      list_keys_(environment, kService, "ListKeys", {.permission = permission::kKeysRead}),
      update_scopes_(environment, kService, "UpdateScopes",
                     {.permission = permission::kKeysUpdate}),
      disable_key_(environment, kService, "DisableKey", {.permission = permission::kKeysUpdate}),
      enable_key_(environment, kService, "EnableKey", {.permission = permission::kKeysUpdate}),
      revoke_key_(environment, kService, "RevokeKey", {}),
      list_sessions_(environment, kService, "ListSessions",
                     {.permission = permission::kSettingsManage}) {}

KeyAuthorityService::Reactor* KeyAuthorityService::IssueKey(Context* context, const Bytes* in,
                                                            Bytes* out) {
  return AnswerLater<v1::IssueKeyRequest, v1::IssueKeyResponse>(
      issue_key_, context, in, out, [this](auto call) {
        absl::StatusOr<IssueParams> params = ToIssueParams(call->request());
        if (!params.ok()) return call->Finish(params.status());
        keys_.Issue(call->caller(), *std::move(params), call->deadline(),
                    [this, call](absl::StatusOr<IssuedKey> issued) {
                      if (!issued.ok()) return call->Finish(issued.status());
                      call->Finish(ToAnswer(*issued, clock_.Now()));
                    });
      });
}

KeyAuthorityService::Reactor* KeyAuthorityService::GetKey(Context* context, const Bytes* in,
                                                          Bytes* out) {
  return AnswerNow<v1::GetKeyRequest, v1::GetKeyResponse>(
      get_key_, context, in, out,
      [this](const Caller& caller, const v1::GetKeyRequest& request, v1::GetKeyResponse& answer) {
        const absl::StatusOr<KeyId> id = ToKeyId(request.key_id());
        if (!id.ok()) return id.status();
        const absl::StatusOr<std::shared_ptr<const KeyRecord>> key = keys_.Get(caller, *id);
        if (!key.ok()) return key.status();
        FillKey(**key, clock_.Now(), *answer.mutable_info());
        return FillLastUse(store_, **key, *answer.mutable_info());
      });
}

KeyAuthorityService::Reactor* KeyAuthorityService::ListKeys(Context* context, const Bytes* in,
                                                            Bytes* out) {
  return AnswerLater<v1::ListKeysRequest, v1::ListKeysResponse>(
      list_keys_, context, in, out, [this](auto call) {
        absl::StatusOr<ListParams> params = ToListParams(call->request());
        if (!params.ok()) return call->Finish(params.status());
        absl::Status queued = workers_.Run([this, call, params = *std::move(params)] {
          const absl::Time now = clock_.Now();
          absl::StatusOr<KeyPage> page = claviger::ListKeys(store_, call->caller(), params, now);
          if (!page.ok()) return call->Finish(page.status());
          v1::ListKeysResponse answer;
          for (const KeyRecord& key : page->keys) FillKey(key, now, *answer.add_keys());
          absl::Status filled = FillLastUses(store_, page->keys, *answer.mutable_keys());
          if (filled.ok() && call->request().include_usage()) {
            filled = FillRecentCounts(store_, page->keys, now, *answer.mutable_keys());
          }
          if (!filled.ok()) return call->Finish(filled);
          answer.set_next_page_token(page->next_page_token);
          answer.set_total_size(page->total_size);
          call->Finish(std::move(answer));
        });
        if (!queued.ok()) call->Finish(queued);
      });
}

KeyAuthorityService::Reactor* KeyAuthorityService::UpdateScopes(Context* context, const Bytes* in,
                                                                Bytes* out) {
  return AnswerLater<v1::UpdateScopesRequest, v1::UpdateScopesResponse>(
      update_scopes_, context, in, out, [this](auto call) {
        absl::StatusOr<ChangeParams> params = ToChangeParams(call->request());
        if (!params.ok()) return call->Finish(params.status());
        absl::StatusOr<ScopeChange> change = ToScopeChange(call->request());
        if (!change.ok()) return call->Finish(change.status());
        keys_.UpdateScopes(call->caller(), *params, *std::move(change), call->deadline(),
                           AnswerWith<v1::UpdateScopesResponse>(call, clock_, loop_));
      });
}

KeyAuthorityService::Reactor* KeyAuthorityService::DisableKey(Context* context, const Bytes* in,
                                                              Bytes* out) {
  return AnswerLater<v1::DisableKeyRequest, v1::DisableKeyResponse>(
      disable_key_, context, in, out, [this](auto call) {
        absl::StatusOr<ChangeParams> params = ToChangeParams(call->request());
        if (!params.ok()) return call->Finish(params.status());
        keys_.Disable(call->caller(), *params, call->deadline(),
                      AnswerWith<v1::DisableKeyResponse>(call, clock_, loop_));
      });
}

KeyAuthorityService::Reactor* KeyAuthorityService::EnableKey(Context* context, const Bytes* in,
                                                             Bytes* out) {
  return AnswerLater<v1::EnableKeyRequest, v1::EnableKeyResponse>(
      enable_key_, context, in, out, [this](auto call) {
        absl::StatusOr<ChangeParams> params = ToChangeParams(call->request());
        if (!params.ok()) return call->Finish(params.status());
        keys_.Enable(call->caller(), *params, call->deadline(),
                     [this, call](absl::StatusOr<ChangedKey> changed) {
                       if (!changed.ok()) return call->Finish(changed.status());
                       call->Finish(ToAnswer<v1::EnableKeyResponse>(*changed, clock_.Now()));
                     });
      });
}

KeyAuthorityService::Reactor* KeyAuthorityService::RevokeKey(Context* context, const Bytes* in,
                                                             Bytes* out) {
  return AnswerLater<v1::RevokeKeyRequest, v1::RevokeKeyResponse>(
      revoke_key_, context, in, out, [this](auto call) {
        absl::StatusOr<ChangeParams> params = ToChangeParams(call->request());
        if (absl::Status s = call->caller().Require(permission::kKeysRevoke); !s.ok()) {
          // A key may always revoke itself.
          if (!params.ok() || call->caller().key_id() != params->key_id) return call->Finish(s);
        }
        if (!params.ok()) return call->Finish(params.status());
        absl::StatusOr<RevokeNote> note = ToRevokeNote(call->request());
        if (!note.ok()) return call->Finish(note.status());
        keys_.Revoke(call->caller(), *params, note->reason, std::move(note->note), call->deadline(),
                     AnswerWith<v1::RevokeKeyResponse>(call, clock_, loop_));
      });
}

KeyAuthorityService::Reactor* KeyAuthorityService::ListSessions(Context* context, const Bytes* in,
                                                                Bytes* out) {
  return AnswerLater<v1::ListSessionsRequest, v1::ListSessionsResponse>(
      list_sessions_, context, in, out, [this](auto call) {
        loop_.ListSessions([call](const sync::SessionList& list) {
          v1::ListSessionsResponse answer;
          FillSessions(list, answer);
          call->Finish(std::move(answer));
        });
      });
}

}  // namespace claviger
