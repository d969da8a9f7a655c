// KeyAuthorityService: keys by their text or digest.

#include <utility>

#include "server/rpc/answers.h"
#include "server/rpc/import_requests.h"
#include "server/rpc/key_authority_service.h"
#include "server/rpc/unary_call.h"
#include "server/rpc/usage_answers.h"

namespace claviger {

KeyAuthorityService::Reactor* KeyAuthorityService::LookupKey(Context* context, const Bytes* in,
                                                             Bytes* out) {
  return AnswerNow<v1::LookupKeyRequest, v1::LookupKeyResponse>(
      lookup_key_, context, in, out,
      [this](const Caller& caller, const v1::LookupKeyRequest& request,
             v1::LookupKeyResponse& answer) {
        const absl::StatusOr<LookedUp> what = ToLookedUp(request);
        if (!what.ok()) return what.status();
        const absl::StatusOr<std::shared_ptr<const KeyRecord>> key = lookup_.Find(caller, *what);
        if (!key.ok()) return key.status();
        FillKey(**key, clock_.Now(), *answer.mutable_info());
        FillPurgeTime(**key, retention_, *answer.mutable_info());
        answer.set_match(request.has_key_prefix() ? v1::LOOKUP_MATCH_PREFIX
                                                  : v1::LOOKUP_MATCH_SECRET);
        return FillLastUse(store_, **key, *answer.mutable_info());
      });
}

KeyAuthorityService::Reactor* KeyAuthorityService::ImportKeys(Context* context, const Bytes* in,
                                                              Bytes* out) {
  return AnswerLater<v1::ImportKeysRequest, v1::ImportKeysResponse>(
      import_keys_, context, in, out, [this](auto call) {
        // A thousand rows take longer to read than gRPC's threads have.
        const absl::Status queued = workers_.Run([this, call] {
          absl::StatusOr<ImportParams> params = ToImportParams(call->request());
          if (!params.ok()) return call->Finish(params.status());
          importer_.Import(call->caller(), *std::move(params), call->deadline(),
                           [call](absl::StatusOr<std::vector<ImportedRow>> rows) {
                             if (!rows.ok()) return call->Finish(rows.status());
                             v1::ImportKeysResponse answer;
                             FillImport(*rows, answer);
                             call->Finish(std::move(answer));
                           });
        });
        if (!queued.ok()) call->Finish(queued);
      });
}

}  // namespace claviger
