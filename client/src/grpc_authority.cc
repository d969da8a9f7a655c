#include "client/src/grpc_authority.h"

#include <grpcpp/support/async_unary_call.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "client/src/retry.h"
#include "client/src/verify_convert.h"

namespace claviger::client {
namespace {

absl::Status ToStatus(const grpc::Status& status) {
  return {static_cast<absl::StatusCode>(status.error_code()), status.error_message()};
}

}  // namespace

// One question with its attempts. Owns itself until it has called back.
class GrpcAuthority::Call final : public LoopEvent {
 public:
  Call(GrpcAuthority& authority, const AskedKey& key, absl::Duration deadline,
       AnswerCallback callback)
      : authority_(authority),
        key_(key),
        request_(ToRequest(key)),
        schedule_(deadline, authority.random_),
        callback_(std::move(callback)) {}

  void Start() {
    asked_at_ = authority_.clock_.SinceBoot();
    attempt_ = std::make_unique<Attempt>(authority_.connection_.Current());
    authority_.connection_.Prepare(
        attempt_->context,
        schedule_.AttemptDeadline(asked_at_, authority_.connection_.has_several()) - asked_at_);
    if (!Open()) return End(absl::CancelledError("the client is closed"));
    const bool started = authority_.loop_.StartOperation([this] {
      attempt_->call =
          attempt_->way.stub.AsyncVerify(&attempt_->context, request_, &authority_.loop_.queue());
      attempt_->call->Finish(&attempt_->response, &attempt_->status, tag());
    });
    if (!started) {
      Close();
      End(absl::CancelledError("the client is closed"));
    }
  }

  void OnEvent(bool /*ok*/) override {
    Close();
    if (attempt_->status.ok()) return End(FromResponse(attempt_->response, key_, asked_at_));
    const absl::Duration now = authority_.clock_.SinceBoot();
    const std::optional<absl::Duration> delay = schedule_.Next(attempt_->status.error_code(), now);
    if (!delay.has_value()) return End(ToStatus(attempt_->status));
    authority_.connection_.MoveOnFrom(attempt_->way);
    authority_.loop_.CallAt(now + *delay, [this] { Start(); });
  }

 private:
  struct Attempt {
    explicit Attempt(const Connection::Way& used) : way(used) {}

    const Connection::Way way;
    grpc::ClientContext context;
    v1::VerifyResponse response;
    grpc::Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<v1::VerifyResponse>> call;
  };

  // False: no more calls.
  bool Open() {
    absl::MutexLock lock(&authority_.mutex_);
    if (!authority_.cancelled_) authority_.open_.insert(&attempt_->context);
    return !authority_.cancelled_;
  }
  void Close() {
    absl::MutexLock lock(&authority_.mutex_);
    authority_.open_.erase(&attempt_->context);
  }

  void End(absl::StatusOr<FlightAnswer> answer) {
    AuthorityAnswer out;
    out.asked_at = asked_at_;
    if (answer.ok()) {
      out.answer = *std::move(answer);
    } else {
      out.answer.status = answer.status();
    }
    AnswerCallback callback = std::move(callback_);
    delete this;
    callback(out);
  }

  GrpcAuthority& authority_;
  const AskedKey key_;
  const v1::VerifyRequest request_;
  RetrySchedule schedule_;
  AnswerCallback callback_;
  absl::Duration asked_at_;
  std::unique_ptr<Attempt> attempt_;
};

void GrpcAuthority::Ask(const AskedKey& key, absl::Duration deadline, AnswerCallback callback) {
  (new Call(*this, key, deadline, std::move(callback)))->Start();
}

void GrpcAuthority::CancelAll() {
  absl::MutexLock lock(&mutex_);
  cancelled_ = true;
  for (grpc::ClientContext* context : open_) context->TryCancel();
}

}  // namespace claviger::client
