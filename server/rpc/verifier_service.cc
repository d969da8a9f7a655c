#include "server/rpc/verifier_service.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <variant>

#include "core/status.h"
#include "fmt/format.h"
#include "server/manage/permissions.h"
#include "server/rpc/answers.h"
#include "server/rpc/sync_reactor.h"
#include "server/rpc/unary_call.h"
#include "server/rpc/verify_requests.h"

namespace claviger {
namespace {

constexpr std::string_view kService = "claviger.v1.Verifier";
constexpr int kMaxBatch = 1000;

// Codes that only someone who showed the secret gets, and that leave the key good for something
// else.
bool ShowsGrant(VerifyCode code) {
  return code == VerifyCode::kValid || code == VerifyCode::kInsufficientScope ||
         code == VerifyCode::kAddressNotAllowed;
}

std::string Explain(VerifyCode code, const v1::VerifyResponse& answer) {
  switch (code) {
    case VerifyCode::kValid:
      return "The key is good for everything that was asked.";
    case VerifyCode::kNotFound:
      return "No key of this authority that the caller may verify has this text.";
    case VerifyCode::kDisabled:
      return "The key is disabled; an operator can enable it again.";
    case VerifyCode::kExpired:
      return "The key is past its expire time.";
    case VerifyCode::kRevoked:
      return "The key is revoked, and that is final.";
    case VerifyCode::kInsufficientScope:
      return fmt::format("The key does not cover: {}.", fmt::join(answer.missing_scopes(), ", "));
    case VerifyCode::kAddressNotAllowed:
      return "The key is limited to addresses, and client_ip is not one of them or was not given.";
    case VerifyCode::kRateLimited:
      return "The key is over its rate limit.";
    case VerifyCode::kQuotaExceeded:
      return "The key is over its quota.";
  }
  return {};
}

absl::Status NotReached(uint64_t wanted, Revision applied) {
  return ErrorBuilder(absl::StatusCode::kUnavailable, Reason::kRevisionNotReached)
      .Field("at_least_revision", "must be a revision that this server has reached")
      .Build(fmt::format("at_least_revision: {} is ahead of this server, which is at {}", wanted,
                         applied.value));
}

}  // namespace

VerifierService::VerifierService(const RpcEnvironment& environment, Verifier& verifier,
                                 const Clock& clock, sync::SyncLoop& loop, const Epoch& epoch,
                                 UsageRecorder& usage, UsageReports& usage_reports)
    : verifier_(verifier),
      clock_(clock),
      loop_(loop),
      metrics_(environment.metrics),
      usage_(usage),
      usage_reports_(usage_reports),
      epoch_(epoch.ToBytes()),
      verify_(environment, kService, "Verify",
              {.permission = permission::kKeysVerify, .records_refusals = false}),
      batch_verify_(environment, kService, "BatchVerify",
                    {.permission = permission::kKeysVerify,
                     .max_request_bytes = kMaxBatchRequestBytes,
                     .records_refusals = false}),
      sync_(environment, kService, "Sync",
            {.permission = permission::kKeysVerify,
             .type = MethodType::kBidiStream,
             .records_refusals = false}) {}

absl::Status VerifierService::Check(const Caller& caller, const v1::VerifyRequest& request,
                                    v1::VerifyResponse& answer) {
  CheckParams params;
  if (absl::Status s = ReadCheck(request, params); !s.ok()) return s;
  if (const auto* own = std::get_if<Credential>(&params.credential)) usage_.Prefetch(own->id);
  const Revision applied = verifier_.applied_revision();
  if (request.at_least_revision() > applied.value) {
    return NotReached(request.at_least_revision(), applied);
  }
  const absl::StatusOr<VerifyOutcome> outcome = verifier_.Check(
      params.credential, params.wanted,
      [&caller](const std::string& project_id) { return caller.IsBoundTo(project_id); });
  if (!outcome.ok()) return outcome.status();
  metrics_.CountVerify(outcome->code);
  const CachedKey* const matched =
      outcome->key != nullptr ? outcome->key.get() : outcome->hidden_key.get();
  if (matched != nullptr) {
    const auto [kind, name] = caller.actor_parts();
    usage_.Count(matched->shared_record(), outcome->code, params.wanted.client_ip, {kind, name},
                 clock_.Now());
  }
  answer.set_valid(outcome->code == VerifyCode::kValid);
  answer.set_code(ToProto(outcome->code));
  if (ShowsGrant(outcome->code)) {
    const KeyRecord& record = outcome->key->record();
    FillGrant(record, *answer.mutable_grant());
    if (record.expire_time.has_value()) {
      FillDuration(std::max(*record.expire_time - clock_.Now(), absl::ZeroDuration()),
                   *answer.mutable_expires_in());
    }
  }
  if (outcome->code == VerifyCode::kInsufficientScope) {
    for (std::string& scope : MissingScopes(SubjectOf(outcome->key->record()), params.wanted)) {
      answer.add_missing_scopes(std::move(scope));
    }
  }
  answer.set_revision(outcome->revision.value);
  answer.set_epoch(epoch_);
  if (request.explain()) answer.set_explanation(Explain(outcome->code, answer));
  return absl::OkStatus();
}

VerifierService::Reactor* VerifierService::Verify(Context* context, const Bytes* in, Bytes* out) {
  return AnswerNow<v1::VerifyRequest, v1::VerifyResponse>(
      verify_, context, in, out,
      [this](const Caller& caller, const v1::VerifyRequest& request, v1::VerifyResponse& answer) {
        return Check(caller, request, answer);
      });
}

VerifierService::Reactor* VerifierService::BatchVerify(Context* context, const Bytes* in,
                                                       Bytes* out) {
  return AnswerNow<v1::BatchVerifyRequest, v1::BatchVerifyResponse>(
      batch_verify_, context, in, out,
      [this](const Caller& caller, const v1::BatchVerifyRequest& request,
             v1::BatchVerifyResponse& answer) {
        if (request.checks_size() < 1 || request.checks_size() > kMaxBatch) {
          return InvalidField("checks", fmt::format("must be 1 to {} checks", kMaxBatch));
        }
        for (const v1::VerifyRequest& check : request.checks()) {
          v1::BatchVerifyResult& result = *answer.add_results();
          const absl::Status s = Check(caller, check, *result.mutable_response());
          if (s.ok()) continue;
          // A store that cannot answer fails the whole call: its caller must not take silence for a
          // denial.
          if (s.code() != absl::StatusCode::kInvalidArgument &&
              DetailsOf(s).reason != Reason::kRevisionNotReached) {
            return s;
          }
          result.mutable_error()->set_reason(std::string(ReasonName(DetailsOf(s).reason)));
          result.mutable_error()->set_message(std::string(s.message()));
        }
        return absl::OkStatus();
      });
}

grpc::ServerBidiReactor<v1::SyncRequest, v1::SyncResponse>* VerifierService::Sync(
    Context* context) {
  auto reactor = std::make_shared<SyncReactor>(
      sync_, loop_, [this](const Caller& by, UsageReports::Reports reports) {
        return usage_reports_.Take(by, std::move(reports));
      });
  absl::StatusOr<Caller> caller = sync_.Admit(*context, PeerUse::kRecorded);
  std::function<absl::Status()> still_allowed;
  if (caller.ok()) still_allowed = [this, known = *caller] { return sync_.Recheck(known); };
  SyncReactor* raw = reactor.get();
  raw->Start(std::move(caller), std::move(still_allowed));
  return raw;
}

}  // namespace claviger
