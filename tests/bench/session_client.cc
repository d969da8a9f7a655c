#include "tests/bench/session_client.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <random>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "claviger/v1/verifier.grpc.pb.h"
#include "fmt/format.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"
#include "grpcpp/support/client_callback.h"

namespace claviger::bench {
namespace {

constexpr absl::Duration kStartTimeout = absl::Seconds(60);
// What both authorities ask for: a third of the lease.
constexpr absl::Duration kBeatInterval = absl::Seconds(1);

// How the sessions fare together.
//
// Thread safety: all methods may be called from any thread at once.
class Fortunes {
 public:
  void CountLease() {
    absl::MutexLock lock(&mutex_);
    ++with_lease_;
  }
  void Fail(absl::Status why) {
    absl::MutexLock lock(&mutex_);
    failure_.Update(std::move(why));
  }
  // Waits until so many have a lease; the error is that of a session that ended.
  absl::Status WaitForLeases(size_t count) const {
    const auto done = [this, count]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
      return with_lease_ >= count || !failure_.ok();
    };
    absl::MutexLock lock(&mutex_);
    if (mutex_.AwaitWithTimeout(absl::Condition(&done), kStartTimeout)) return failure_;
    return absl::DeadlineExceededError(
        fmt::format("{} of {} sessions have no lease", count - with_lease_, count));
  }
  absl::Status failure() const {
    absl::MutexLock lock(&mutex_);
    return failure_;
  }

 private:
  mutable absl::Mutex mutex_;
  size_t with_lease_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

v1::SyncRequest HelloOf(std::mt19937_64& random) {
  v1::SyncRequest request;
  std::string& session_id = *request.mutable_hello()->mutable_session_id();
  for (int i = 0; i < 16; ++i) session_id.push_back(static_cast<char>(random()));
  request.mutable_hello()->set_client("bench");
  return request;
}

std::vector<std::unique_ptr<v1::Verifier::Stub>> Connect(const SessionSpec& spec) {
  std::vector<std::unique_ptr<v1::Verifier::Stub>> stubs;
  for (uint32_t i = 0; i < spec.connections(); ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
    stubs.push_back(v1::Verifier::NewStub(
        grpc::CreateCustomChannel(spec.target(), grpc::InsecureChannelCredentials(), arguments)));
  }
  return stubs;
}

// One session. Lives until the process ends.
//
// Thread safety: Beat may be called from any thread at once.
class Session final : public grpc::ClientBidiReactor<v1::SyncRequest, v1::SyncResponse> {
 public:
  Session(v1::Verifier::Stub& stub, const std::string& authorization, v1::SyncRequest hello,
          Fortunes& fortunes)
      : fortunes_(fortunes), request_(std::move(hello)) {
    context_.AddMetadata("authorization", authorization);
    stub.async()->Sync(&context_, this);
    StartWrite(&request_);
    StartRead(&response_);
    StartCall();
  }

  // Says where it is; after what is being said, if something is.
  void Beat() {
    {
      absl::MutexLock lock(&mutex_);
      if (std::exchange(writing_, true)) {
        beat_due_ = true;
        return;
      }
      FillBeat();
    }
    StartWrite(&request_);
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return;  // OnDone says why
    Hear();
    StartRead(&response_);
  }

  void Hear() {
    switch (response_.message_case()) {
      case v1::SyncResponse::kWelcome:
        Follow(response_.welcome().head_revision());
        return Beat();
      case v1::SyncResponse::kInvalidation:
        Follow(response_.invalidation().to_revision());
        return Beat();
      case v1::SyncResponse::kGrant:
        Follow(response_.grant().up_to_revision());
        if (!std::exchange(has_lease_, true)) fortunes_.CountLease();
        return;
      default:
        return fortunes_.Fail(
            absl::UnavailableError("a session was told to forget everything, or to go away"));
    }
  }

  void Follow(uint64_t revision) {
    absl::MutexLock lock(&mutex_);
    position_ = std::max(position_, revision);
  }

  void OnWriteDone(bool ok) override {
    {
      absl::MutexLock lock(&mutex_);
      writing_ = ok && std::exchange(beat_due_, false);
      if (!writing_) return;
      FillBeat();
    }
    StartWrite(&request_);
  }

  void OnDone(const grpc::Status& status) override {
    fortunes_.Fail(
        absl::UnavailableError(fmt::format("a session ended: {}", status.error_message())));
  }

  void FillBeat() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    request_.mutable_beat()->set_beat_id(++beats_);
    request_.mutable_beat()->set_acked_revision(position_);
  }

  Fortunes& fortunes_;
  grpc::ClientContext context_;
  v1::SyncResponse response_;
  bool has_lease_ = false;

  absl::Mutex mutex_;
  v1::SyncRequest request_;  // being written, or guarded by the mutex
  bool writing_ ABSL_GUARDED_BY(mutex_) = true;
  bool beat_due_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t beats_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t position_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Lets each session beat once in an interval, evenly spread, until one ends.
absl::Status KeepBeating(const std::vector<std::unique_ptr<Session>>& sessions,
                         const Fortunes& fortunes) {
  const absl::Duration pause = kBeatInterval / sessions.size();
  for (absl::Time next = absl::Now();;) {
    for (const std::unique_ptr<Session>& session : sessions) {
      if (absl::Status s = fortunes.failure(); !s.ok()) return s;
      session->Beat();
      next += pause;
      absl::SleepFor(next - absl::Now());
    }
  }
}

absl::Status KeepSessions(const SessionSpec& spec) {
  if (spec.sessions() == 0 || spec.connections() == 0) {
    return absl::InvalidArgumentError("sessions and connections must be above 0");
  }
  std::mt19937_64 random{std::random_device()()};
  // Never destroyed: gRPC uses them until the process ends.
  auto& fortunes = *new Fortunes;
  const auto& stubs = *new auto(Connect(spec));
  auto& sessions = *new std::vector<std::unique_ptr<Session>>;
  for (uint32_t i = 0; i < spec.sessions(); ++i) {
    sessions.push_back(std::make_unique<Session>(*stubs[i % stubs.size()], spec.authorization(),
                                                 HelloOf(random), fortunes));
  }
  if (absl::Status s = fortunes.WaitForLeases(sessions.size()); !s.ok()) return s;
  fmt::print("{} sessions\n", sessions.size());
  std::fflush(stdout);
  return KeepBeating(sessions, fortunes);
}

}  // namespace

int RunSessionClient() {
  SessionSpec spec;
  if (!spec.ParseFromIstream(&std::cin)) return EXIT_FAILURE;
  const absl::Status status = KeepSessions(spec);
  std::cerr << "session client: " << status.message() << std::endl;
  // Without ending gRPC, which the other sessions go on with.
  std::_Exit(EXIT_FAILURE);
}

absl::StatusOr<std::unique_ptr<SessionClient>> SessionClient::Start(const std::string& self,
                                                                    const SessionSpec& spec) {
  auto process = ChildProcess::Start({.argv = {self, std::string(kSessionClientMode)}});
  if (!process.ok()) return process.status();
  if (absl::Status s = (*process)->WriteInput(spec.SerializeAsString()); !s.ok()) return s;
  const absl::StatusOr<std::string> started = (*process)->ReadLine(kStartTimeout);
  if (!started.ok()) return started.status();
  return std::unique_ptr<SessionClient>(new SessionClient(*std::move(process)));
}

}  // namespace claviger::bench
