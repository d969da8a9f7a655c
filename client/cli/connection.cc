#include "client/cli/connection.h"

#include <grpc/grpc.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "absl/time/clock.h"

namespace claviger::cli {
namespace {

// Keeps the library up until the process ends: when its last user lets go of it, it waits up to 10
// s for connections that have not ended yet, though the process would end them all. Not before a
// command blocks its signals: the library's threads would take them.
void KeepLibrary() {
  static const bool kept = [] {
    grpc_init();
    return true;
  }();
  static_cast<void>(kept);
}

std::shared_ptr<grpc::Channel> OpenChannel(const Connection::Options& options) {
  KeepLibrary();
  grpc::ChannelArguments arguments;
  // The channel must be ready to try again when a retry comes, which is sooner than its default.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
  // Retries are ours: the library's would repeat changes too.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // Finds out that the server is gone while a stream is silent. The server allows twice as many.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 40'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // A proxy from the environment would see a plaintext key.
  if (options.transport == Transport::kPlaintext) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(options.target.uri, options.credentials, arguments);
}

std::chrono::system_clock::time_point FromNow(absl::Duration duration) {
  return std::chrono::system_clock::now() + absl::ToChronoMicroseconds(duration);
}

}  // namespace

Connection::Connection(Options options, const Clock& clock, RandomSource& random)
    : options_(std::move(options)),
      clock_(clock),
      random_(random),
      channel_(OpenChannel(options_)),
      keys_(v1::KeyAuthority::NewStub(channel_)),
      projects_(v1::Projects::NewStub(channel_)),
      usage_(v1::Usage::NewStub(channel_)),
      verifier_(v1::Verifier::NewStub(channel_)),
      audit_(v1::AuditLog::NewStub(channel_)),
      admin_(v1::Admin::NewStub(channel_)),
      health_(grpc::health::v1::Health::NewStub(channel_)) {}

void Connection::AddKey(grpc::ClientContext& context) const {
  // ChooseTransport has refused plaintext to other hosts; a key goes nowhere else even so.
  const bool safe = options_.transport == Transport::kTls || options_.target.is_local;
  if (!options_.key.has_value() || !safe) return;
  std::string header = "Bearer ";
  header += options_.key->ExposeSecret();
  context.AddMetadata("authorization", header);
  CleanseString(header);
}

grpc::Status Connection::Call(Retry retry,
                              const std::function<grpc::Status(grpc::ClientContext*)>& call) {
  const absl::Duration deadline = clock_.SinceBoot() + options_.timeout;
  return CallWithRetry(retry, deadline, clock_, random_, absl::SleepFor, [&] {
    grpc::ClientContext context;
    context.set_deadline(FromNow(deadline - clock_.SinceBoot()));
    AddKey(context);
    return call(&context);
  });
}

bool Connection::WaitUntilConnected() {
  const absl::Duration deadline = clock_.SinceBoot() + options_.timeout;
  grpc_connectivity_state state = channel_->GetState(/*try_to_connect=*/true);
  while (state != GRPC_CHANNEL_READY) {
    // A refused connection is an answer: waiting longer would not tell more.
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE) return false;
    const absl::Duration left = deadline - clock_.SinceBoot();
    if (!channel_->WaitForStateChange(state, FromNow(left))) return false;
    state = channel_->GetState(/*try_to_connect=*/true);
  }
  return true;
}

grpc::Status Connection::WhyNotConnected() {
  constexpr absl::Duration kPatience = absl::Seconds(1);
  grpc::ClientContext context;
  context.set_deadline(FromNow(std::min(options_.timeout, kPatience)));
  grpc::health::v1::HealthCheckResponse ignored;
  grpc::Status status = health_->Check(&context, {}, &ignored);
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE) return status;
  return {grpc::StatusCode::UNAVAILABLE, "no connection: is it running, and is the address right?"};
}

std::unique_ptr<Connection> Connection::WithKey(Secret key, std::string key_file) const {
  return std::make_unique<Connection>(Options{.target = options_.target,
                                              .transport = options_.transport,
                                              .credentials = options_.credentials,
                                              .key = std::move(key),
                                              .key_file = std::move(key_file),
                                              .timeout = options_.timeout},
                                      clock_, random_);
}

grpc::Status Connection::CheckHealth(grpc::health::v1::HealthCheckResponse& response,
                                     absl::Duration& waited) {
  grpc::ClientContext context;
  context.set_deadline(FromNow(options_.timeout));
  const absl::Duration start = clock_.SinceBoot();
  const grpc::Status status = health_->Check(&context, {}, &response);
  waited = clock_.SinceBoot() - start;
  return status;
}

}  // namespace claviger::cli
