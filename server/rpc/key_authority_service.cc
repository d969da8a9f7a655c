#include "server/rpc/key_authority_service.h"

#include <string_view>
#include <utility>

#include "server/manage/permissions.h"
#include "server/rpc/answers.h"
#include "server/rpc/change_answers.h"
#include "server/rpc/key_requests.h"
#include "server/rpc/rotate_request.h"
#include "server/rpc/sync_convert.h"
#include "server/rpc/unary_call.h"
#include "server/rpc/update_request.h"
#include "server/rpc/usage_answers.h"

namespace claviger {
namespace {

constexpr std::string_view kService = "claviger.v1.KeyAuthority";

// The raw key and the key in an answer; of a trial, which has no raw key, what a key has only when
// it was issued is left out.
template <typename Answer>
void FillNewKey(const Secret& raw_key, const KeyRecord& key, absl::Time now, Answer& answer) {
  FillKey(key, now, *answer.mutable_info());
  answer.set_key(std::string(raw_key.ExposeSecret()));
  if (!raw_key.empty()) return;
  answer.mutable_info()->clear_key_id();
  answer.mutable_info()->clear_key_prefix();
  answer.mutable_info()->clear_masked_key();
}

v1::IssueKeyResponse ToAnswer(const IssuedKey& issued, absl::Time now) {
  v1::IssueKeyResponse answer;
  FillNewKey(issued.key, *issued.info, now, answer);
  return answer;
}

v1::RotateKeyResponse ToAnswer(const RotatedKey& rotated, absl::Time now) {
  v1::RotateKeyResponse answer;
  FillNewKey(rotated.key, *rotated.info, now, answer);
  FillKey(*rotated.replaced, now, *answer.mutable_replaced());
  if (rotated.key.empty()) answer.mutable_replaced()->clear_rotated_to();
  return answer;
}

}  // namespace

KeyAuthorityService::KeyAuthorityService(const RpcEnvironment& environment, KeyManager& keys,
                                         KeyLookup& lookup, KeyImporter& importer,
                                         const KeyStore& store, WorkerPool& workers,
                                         sync::SyncLoop& loop, BulkRevoker& bulk,
                                         WorkerPool& bulk_workers)
    : keys_(keys),
      lookup_(lookup),
      importer_(importer),
      store_(store),
      workers_(workers),
      loop_(loop),
      bulk_(bulk),
      bulk_workers_(bulk_workers),
      clock_(environment.clock),
      retention_(environment.deleted_key_retention),
      issue_key_(environment, kService, "IssueKey", {.permission = permission::kKeysIssue}),
      get_key_(environment, kService, "GetKey", {.permission = permission::kKeysRead}),
      list_keys_(environment, kService, "ListKeys", {.permission = permission::kKeysRead}),
      update_scopes_(environment, kService, "UpdateScopes",
                     {.permission = permission::kKeysUpdate}),
      disable_key_(environment, kService, "DisableKey", {.permission = permission::kKeysUpdate}),
      enable_key_(environment, kService, "EnableKey", {.permission = permission::kKeysUpdate}),
      revoke_key_(environment, kService, "RevokeKey", {}),
      delete_key_(environment, kService, "DeleteKey", {.permission = permission::kKeysRevoke}),
      undelete_key_(environment, kService, "UndeleteKey", {.permission = permission::kKeysRevoke}),
      revoke_keys_(environment, kService, "RevokeKeys", {.permission = permission::kKeysRevoke}),
      lookup_key_(environment, kService, "LookupKey", {.permission = permission::kKeysLookup}),
      import_keys_(
          environment, kService, "ImportKeys",
          {.permission = permission::kKeysImport, .max_request_bytes = kMaxBatchRequestBytes}),
      list_sessions_(environment, kService, "ListSessions",
                     {.permission = permission::kSettingsManage}),
      rotate_key_(environment, kService, "RotateKey", {.permission = permission::kKeysIssue}),
      update_key_(environment, kService, "UpdateKey", {.permission = permission::kKeysUpdate}) {}

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
        FillPurgeTime(**key, retention_, *answer.mutable_info());
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
          const ListLimits limits{
              .out_of_time = [&] { return clock_.SinceBoot() >= call->deadline(); }};
          absl::StatusOr<KeyPage> page =
              claviger::ListKeys(store_, call->caller(), params, now, limits);
          if (!page.ok()) return call->Finish(page.status());
          v1::ListKeysResponse answer;
          for (const KeyRecord& key : page->keys) {
            v1::Key& shown = *answer.add_keys();
            FillKey(key, now, shown);
            FillPurgeTime(key, retention_, shown);
          }
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
        keys_.Enable(
            call->caller(), *params, call->deadline(),
            [this, call](absl::StatusOr<ChangedKey> changed) {
              if (!changed.ok()) return call->Finish(changed.status());
              call->Finish(ToAnswer<v1::EnableKeyResponse>(*changed, clock_.Now(), retention_));
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
                     AnswerWith<v1::RevokeKeyResponse>(call, clock_, loop_, retention_));
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

KeyAuthorityService::Reactor* KeyAuthorityService::RotateKey(Context* context, const Bytes* in,
                                                             Bytes* out) {
  return AnswerLater<v1::RotateKeyRequest, v1::RotateKeyResponse>(
      rotate_key_, context, in, out, [this](auto call) {
        absl::StatusOr<RotateParams> params = ToRotateParams(call->request());
        if (!params.ok()) return call->Finish(params.status());
        keys_.Rotate(call->caller(), *std::move(params), call->deadline(),
                     [this, call](absl::StatusOr<RotatedKey> rotated) {
                       if (!rotated.ok()) return call->Finish(rotated.status());
                       FinishWith(*rotated, ToAnswer(*rotated, clock_.Now()), call, clock_, loop_);
                     });
      });
}

KeyAuthorityService::Reactor* KeyAuthorityService::UpdateKey(Context* context, const Bytes* in,
                                                             Bytes* out) {
  return AnswerLater<v1::UpdateKeyRequest, v1::UpdateKeyResponse>(
      update_key_, context, in, out, [this](auto call) {
        absl::StatusOr<KeyUpdateRequest> request = ToKeyUpdate(call->request());
        if (!request.ok()) return call->Finish(request.status());
        keys_.Update(call->caller(), request->params, std::move(request->update), call->deadline(),
                     AnswerWith<v1::UpdateKeyResponse>(call, clock_, loop_));
      });
}

}  // namespace claviger
