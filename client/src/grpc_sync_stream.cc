#include "client/src/grpc_sync_stream.h"

#include <grpcpp/support/async_stream.h>

#include <cstddef>
#include <deque>
#include <utility>

#include "client/src/sync_convert.h"

namespace claviger::client {
namespace {

// A stream with what gRPC still uses of it: lives until it is closed and its last operation is
// over. One write and one read at a time.
class Call final : public std::enable_shared_from_this<Call> {
 public:
  Call(Connection& connection, EventLoop& loop, ConnectionId id, SyncStreamHandler& handler)
      : connection_(connection),
        loop_(loop),
        id_(id),
        handler_(&handler),
        way_(connection.Current()) {}

  void Start() {
    connection_.Prepare(context_, absl::InfiniteDuration());
    Begin([this](void* tag) { call_ = way_.stub.AsyncSync(&context_, &loop_.queue(), tag); },
          &Call::OnStarted);
  }

  void Send(const sync::FromVerifier& message) {
    if (ending_ || sent_all_) return;
    outbox_.push_back(ToProto(message));
    // We speak when spoken to: a peer that does not listen does not make us hoard.
    if (outbox_.size() > kMaxOutbox) return Break(absl::ResourceExhaustedError("not read"));
    if (started_ && outbox_.size() == 1) WriteNext();
  }

  void EndSending() {
    if (ending_ || std::exchange(sent_all_, true)) return;
    if (started_ && outbox_.empty()) EndWrites();
  }

  // Nothing is heard from it any more.
  void Close() {
    handler_ = nullptr;
    ending_ = true;
    context_.TryCancel();
  }

 private:
  static constexpr size_t kMaxOutbox = 1024;

  using Then = void (Call::*)(bool ok);

  // An operation of gRPC; keeps the call.
  class Operation final : public LoopEvent {
   public:
    Operation(std::shared_ptr<Call> call, Then then) : call_(std::move(call)), then_(then) {}
    void OnEvent(bool ok) override {
      const std::unique_ptr<Operation> self(this);
      (*call_.*then_)(ok);
    }

   private:
    const std::shared_ptr<Call> call_;
    const Then then_;
  };

  template <typename Start>
  void Begin(Start start, Then then) {
    auto operation = std::make_unique<Operation>(shared_from_this(), then);
    const bool begun = loop_.StartOperation([&] { start(operation->tag()); });
    // gRPC gives it back by OnEvent.
    if (begun) operation.release();
  }

  void OnStarted(bool ok) {
    started_ = true;
    if (!ok || ending_) return Finish();
    ReadNext();
    if (!outbox_.empty()) {
      WriteNext();
    } else if (sent_all_) {
      EndWrites();
    }
    if (handler_ != nullptr) handler_->OnConnected(id_);
  }

  void ReadNext() {
    Begin([this](void* tag) { call_->Read(&response_, tag); }, &Call::OnRead);
  }
  void OnRead(bool ok) {
    if (!ok || ending_) return Finish();
    const absl::StatusOr<sync::FromAuthority> message = FromProto(response_);
    if (!message.ok()) {
      Break(message.status());
      return Finish();
    }
    ReadNext();
    if (handler_ != nullptr) handler_->OnMessage(id_, *message);
  }

  void WriteNext() {
    Begin([this](void* tag) { call_->Write(outbox_.front(), tag); }, &Call::OnWritten);
  }
  void OnWritten(bool ok) {
    outbox_.pop_front();
    // A write that failed is the stream's end, which the pending read tells.
    if (!ok || ending_) return;
    if (!outbox_.empty()) {
      WriteNext();
    } else if (sent_all_) {
      EndWrites();
    }
  }

  void EndWrites() {
    Begin([this](void* tag) { call_->WritesDone(tag); }, &Call::OnWritesEnded);
  }
  // The peer's answer to it is the end of the pending read.
  void OnWritesEnded(bool /*ok*/) {}

  // Gives the stream up for a reason of ours; what is pending then ends.
  void Break(absl::Status why) {
    if (broken_.ok()) broken_ = std::move(why);
    ending_ = true;
    context_.TryCancel();
  }

  void Finish() {
    ending_ = true;
    Begin([this](void* tag) { call_->Finish(&status_, tag); }, &Call::OnFinished);
  }
  void OnFinished(bool /*ok*/) {
    connection_.MoveOnFrom(way_);
    if (handler_ == nullptr) return;
    const absl::Status why(static_cast<absl::StatusCode>(status_.error_code()),
                           status_.error_message());
    handler_->OnDisconnected(id_, broken_.ok() ? why : broken_);
  }

  Connection& connection_;
  EventLoop& loop_;
  const ConnectionId id_;
  SyncStreamHandler* handler_;  // null: closed
  const Connection::Way way_;

  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<v1::SyncRequest, v1::SyncResponse>> call_;
  v1::SyncResponse response_;
  std::deque<v1::SyncRequest> outbox_;  // the first one is being written, once started
  grpc::Status status_;
  absl::Status broken_;
  bool started_ = false;
  bool ending_ = false;
  bool sent_all_ = false;  // nothing is to be written behind the outbox
};

class GrpcSyncStream final : public SyncStream {
 public:
  explicit GrpcSyncStream(std::shared_ptr<Call> call) : call_(std::move(call)) {}
  ~GrpcSyncStream() override { call_->Close(); }
  void Send(const sync::FromVerifier& message) override { call_->Send(message); }
  void EndSending() override { call_->EndSending(); }

 private:
  const std::shared_ptr<Call> call_;
};

}  // namespace

std::unique_ptr<SyncStream> GrpcSyncStreamOpener::Open(ConnectionId connection,
                                                       SyncStreamHandler& handler) {
  auto call = std::make_shared<Call>(connection_, loop_, connection, handler);
  call->Start();
  return std::make_unique<GrpcSyncStream>(std::move(call));
}

}  // namespace claviger::client
