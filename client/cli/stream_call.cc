#include "client/cli/stream_call.h"

#include <chrono>
#include <utility>

namespace claviger::cli {

AnswerTimeout::AnswerTimeout(absl::Duration timeout, std::shared_ptr<grpc::ClientContext> call) {
  alarm_.Set(std::chrono::system_clock::now() + absl::ToChronoMicroseconds(timeout),
             [call = std::move(call), ended = expired_](bool expired) {
               if (!expired) return;
               ended->store(true, std::memory_order_relaxed);
               call->TryCancel();
             });
}

bool StreamMayPass(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNIMPLEMENTED:
      return false;
    default:
      return true;
  }
}

}  // namespace claviger::cli
