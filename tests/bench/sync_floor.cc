#include "tests/bench/sync_floor.h"

#include <atomic>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "claviger/v1/verifier.grpc.pb.h"
#include "core/platform/system_clock.h"
#include "grpcpp/support/server_callback.h"
#include "storage/rocksdb/database.h"
#include "storage/rocksdb/tuning.h"
#include "tests/bench/bench.grpc.pb.h"
#include "tests/bench/floor_server.h"

namespace claviger::bench {
namespace {

constexpr size_t kMemoryBytes = size_t{192} << 20;  // what clavigerd's default leaves to its store
constexpr size_t kEpochBytes = 16;
constexpr size_t kKeyIdBytes = 16;

class BareStream;

// All streams, and the push that is under way.
//
// Thread safety: all methods may be called from any thread at once.
class FanOut {
 public:
  void Add(BareStream* stream) {
    absl::MutexLock lock(&mutex_);
    streams_.insert(stream);
  }
  void Remove(BareStream* stream) {
    absl::MutexLock lock(&mutex_);
    streams_.erase(stream);
  }
  // Sends on all streams; ends `call` when all have acknowledged.
  void Push(grpc::ServerUnaryReactor* call);
  void OnAcknowledged() {
    if (missing_.fetch_sub(1) == 1) call_.exchange(nullptr)->Finish(grpc::Status::OK);
  }

 private:
  absl::Mutex mutex_;
  absl::flat_hash_set<BareStream*> streams_ ABSL_GUARDED_BY(mutex_);
  uint64_t revision_ ABSL_GUARDED_BY(mutex_) = 0;
  // Not under the mutex: acknowledgements come while others are still being sent to.
  std::atomic<grpc::ServerUnaryReactor*> call_{nullptr};
  std::atomic<size_t> missing_{0};
};

// One stream. Owned by gRPC until OnDone.
class BareStream final : public grpc::ServerBidiReactor<v1::SyncRequest, v1::SyncResponse> {
 public:
  explicit BareStream(FanOut& fan_out) : fan_out_(fan_out) { StartRead(&request_); }

  void Push(uint64_t revision) {
    v1::SyncResponse message;
    v1::SyncInvalidation& invalidation = *message.mutable_invalidation();
    invalidation.set_previous_revision(revision - 1);
    invalidation.set_to_revision(revision);
    invalidation.add_items()->set_key_id(std::string(kKeyIdBytes, 'k'));
    awaited_.store(revision);
    Send(std::move(message));
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) {
      fan_out_.Remove(this);
      Finish(grpc::Status::OK);
      return;
    }
    request_.has_hello() ? Welcome() : Answer(request_.beat());
    StartRead(&request_);
  }

  void Welcome() {
    v1::SyncResponse message;
    v1::SyncWelcome& welcome = *message.mutable_welcome();
    welcome.set_epoch(std::string(kEpochBytes, 'e'));
    welcome.mutable_lease()->set_seconds(3);
    welcome.mutable_beat_interval()->set_seconds(1);
    welcome.set_all_projects(true);
    Send(std::move(message));
    fan_out_.Add(this);
  }

  void Answer(const v1::SyncBeat& beat) {
    if (uint64_t awaited = awaited_.load(); awaited != 0 && beat.acked_revision() >= awaited) {
      awaited_.store(0);
      return fan_out_.OnAcknowledged();
    }
    v1::SyncResponse message;
    v1::SyncGrant& grant = *message.mutable_grant();
    grant.set_beat_id(beat.beat_id());
    grant.set_up_to_revision(beat.acked_revision());
    grant.mutable_lease()->set_seconds(3);
    Send(std::move(message));
  }

  void Send(v1::SyncResponse message) {
    const v1::SyncResponse* next = nullptr;
    {
      absl::MutexLock lock(&mutex_);
      outbox_.push_back(std::move(message));
      if (outbox_.size() > 1) return;
      next = &outbox_.front();
    }
    StartWrite(next);
  }

  void OnWriteDone(bool ok) override {
    const v1::SyncResponse* next = nullptr;
    {
      absl::MutexLock lock(&mutex_);
      outbox_.pop_front();
      if (!ok || outbox_.empty()) return;
      next = &outbox_.front();
    }
    StartWrite(next);
  }

  void OnDone() override { delete this; }

  FanOut& fan_out_;
  v1::SyncRequest request_;
  std::atomic<uint64_t> awaited_{0};  // a revision to be acknowledged; 0: none
  absl::Mutex mutex_;
  std::deque<v1::SyncResponse> outbox_ ABSL_GUARDED_BY(mutex_);  // the first one is being written
};

void FanOut::Push(grpc::ServerUnaryReactor* call) {
  grpc::ServerUnaryReactor* none = nullptr;
  absl::MutexLock lock(&mutex_);
  if (streams_.empty() || !call_.compare_exchange_strong(none, call)) {
    call->Finish({grpc::StatusCode::FAILED_PRECONDITION, "one call at a time, and with streams"});
    return;
  }
  missing_.store(streams_.size());
  ++revision_;
  for (BareStream* stream : streams_) stream->Push(revision_);
}

class BareVerifier final : public v1::Verifier::CallbackService {
 public:
  explicit BareVerifier(FanOut& fan_out) : fan_out_(fan_out) {}

  grpc::ServerBidiReactor<v1::SyncRequest, v1::SyncResponse>* Sync(
      grpc::CallbackServerContext* /*context*/) override {
    return new BareStream(fan_out_);
  }

 private:
  FanOut& fan_out_;
};

class BareChange final : public Floor::CallbackService {
 public:
  BareChange(const Database& database, FanOut& fan_out) : database_(database), fan_out_(fan_out) {}

  grpc::ServerUnaryReactor* Call(grpc::CallbackServerContext* context, const FloorRequest* request,
                                 FloorResponse* response) override {
    response->mutable_padding()->resize(request->padding_bytes());
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    rocksdb::WriteOptions durable;
    durable.sync = true;
    const rocksdb::Status written = database_.db().Put(durable, database_.family(Family::kKeys),
                                                       request->padding(), response->padding());
    if (!written.ok()) {
      reactor->Finish({grpc::StatusCode::INTERNAL, written.ToString()});
    } else {
      fan_out_.Push(reactor);
    }
    return reactor;
  }

 private:
  const Database& database_;
  FanOut& fan_out_;
};

}  // namespace

int RunSyncFloor(const std::string& folder) {
  static SystemClock clock;
  const auto database = Database::Open(folder, MakeTuning(kMemoryBytes, clock));
  if (!database.ok()) {
    std::cerr << "sync floor: " << database.status().message() << "\n";
    return EXIT_FAILURE;
  }
  FanOut fan_out;
  BareVerifier verifier(fan_out);
  BareChange change(**database, fan_out);
  return ServeUntilInputEnds({&verifier, &change});
}

}  // namespace claviger::bench
