#include "server/rpc/usage_service.h"

#include <string_view>
#include <utility>

#include "server/manage/permissions.h"
#include "server/manage/usage_reader.h"
#include "server/rpc/unary_call.h"
#include "server/rpc/usage_answers.h"
#include "server/rpc/usage_requests.h"

namespace claviger {
namespace {

constexpr std::string_view kService = "claviger.v1.Usage";

}  // namespace

UsageService::UsageService(const RpcEnvironment& environment, const KeyStore& store,
                           WorkerPool& workers)
    : store_(store),
      workers_(workers),
      clock_(environment.clock),
      get_usage_(environment, kService, "GetUsage", {.permission = permission::kUsageRead}) {}

UsageService::Reactor* UsageService::GetUsage(Context* context, const Bytes* in, Bytes* out) {
  return AnswerLater<v1::GetUsageRequest, v1::GetUsageResponse>(
      get_usage_, context, in, out, [this](auto call) {
        absl::StatusOr<UsageQuery> query = ToUsageQuery(call->request(), clock_.Now());
        if (!query.ok()) return call->Finish(query.status());
        absl::Status queued = workers_.Run([this, call, query = *std::move(query)] {
          const absl::StatusOr<UsageTimeline> timeline =
              ReadTimeline(store_, call->caller(), query);
          if (!timeline.ok()) return call->Finish(timeline.status());
          v1::GetUsageResponse answer;
          FillTimeline(*timeline, answer);
          call->Finish(std::move(answer));
        });
        if (!queued.ok()) call->Finish(queued);
      });
}

}  // namespace claviger
