// What commands share that follow a stream over many connections.
#ifndef CLAVIGER_CLIENT_CLI_STREAM_CALL_H_
#define CLAVIGER_CLIENT_CLI_STREAM_CALL_H_

#include <grpcpp/alarm.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <atomic>
#include <memory>

#include "absl/time/time.h"

namespace claviger::cli {

// Waits between connections, doubled from the first to the longest while none is answered.
inline constexpr absl::Duration kFirstStreamDelay = absl::Milliseconds(100);
inline constexpr absl::Duration kLongestStreamDelay = absl::Seconds(5);

// Ends `call` after `timeout`, unless it was told before that there was an answer.
class AnswerTimeout {
 public:
  AnswerTimeout(absl::Duration timeout, std::shared_ptr<grpc::ClientContext> call);
  void Answered() { alarm_.Cancel(); }
  // Whether it ended the call.
  bool expired() const { return expired_->load(std::memory_order_relaxed); }

 private:
  const std::shared_ptr<std::atomic<bool>> expired_ = std::make_shared<std::atomic<bool>>(false);
  grpc::Alarm alarm_;
};

// Whether another try of a stream can bring another answer than `status`.
bool StreamMayPass(const grpc::Status& status);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_STREAM_CALL_H_
