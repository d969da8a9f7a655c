#include "client/src/connection.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>

#include "client/src/credential_files.h"
#include "client/src/secret_access.h"
#include "core/key_format.h"
#include "fmt/format.h"

namespace claviger::client {
namespace {

constexpr int kMaxMessageBytes = 1 << 20;

std::shared_ptr<grpc::Channel> OpenChannel(const Endpoint& endpoint,
                                           const Connection::Options& options) {
  grpc::ChannelArguments arguments;
  arguments.SetUserAgentPrefix("claviger-client");
  // Retries are ours: they go to another endpoint and end with the check.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // A connection, and a back-off, that belong to nobody else in this process.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // Not slower than the stream, which tries again after 5 s at most.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 3000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 3000);
  // Twice as seldom as the authority allows: the stream's own beats find a dead connection sooner.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 40'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  // A proxy from the environment would see a plaintext key.
  if (options.plaintext) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(endpoint.uri, options.credentials, arguments);
}

size_t DrawBelow(size_t bound, RandomSource& random) {
  std::array<uint8_t, 2> drawn{};
  // Without entropy all begin at the first: no harm but to the balance.
  if (!random.Fill(drawn).ok()) return 0;
  return (static_cast<size_t>(drawn[0]) << 8 | drawn[1]) % bound;
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeCredentials(const TlsOptions& tls) {
  return ReadTlsCredentials({.ca = {"tls.ca_file", tls.ca_file},
                             .certificate = {"tls.cert_file", tls.cert_file},
                             .certificate_key = {"tls.cert_key_file", tls.cert_key_file}});
}

absl::StatusOr<std::optional<Secret>> ReadKey(ClientOptions& options) {
  Secret key = SecretAccess::Take(options.key);
  std::string_view option = "key";
  if (!options.key_file.empty()) {
    option = "key_file";
    absl::StatusOr<std::string> text = ReadOptionFile({option, options.key_file});
    if (!text.ok()) return text.status();
    // An editor's last line end is not part of the key.
    while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
    key = Secret(*std::move(text));
  }
  if (key.empty() && option == "key") return std::nullopt;
  if (!ParseKey(key.ExposeSecret()).has_value()) {
    return absl::InvalidArgumentError(fmt::format("{}: must be a management key", option));
  }
  return std::optional<Secret>(std::move(key));
}

}  // namespace

Connection::Connection(Options options, RandomSource& random)
    : options_(std::move(options)), current_(DrawBelow(options_.endpoints.size(), random)) {
  for (const Endpoint& endpoint : options_.endpoints) {
    ways_.push_back(v1::Verifier::NewStub(OpenChannel(endpoint, options_)));
  }
}

Connection::Way Connection::Current() const {
  const size_t index = current_.load(std::memory_order_relaxed);
  return {*ways_[index], index};
}

void Connection::MoveOnFrom(const Way& way) {
  size_t expected = way.index;
  current_.compare_exchange_strong(expected, (way.index + 1) % ways_.size(),
                                   std::memory_order_relaxed);
}

void Connection::Prepare(grpc::ClientContext& context, absl::Duration timeout) const {
  if (timeout != absl::InfiniteDuration()) {
    context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMicroseconds(timeout));
  }
  if (!options_.key.has_value()) return;
  std::string header = "Bearer ";
  header += options_.key->ExposeSecret();
  context.AddMetadata("authorization", header);
  CleanseString(header);
}

absl::StatusOr<Connection::Options> ReadConnectionOptions(ClientOptions& options) {
  Connection::Options read;
  for (const std::string& text : options.endpoints) {
    std::optional<Endpoint> endpoint = ParseEndpoint(text);
    if (!endpoint.has_value()) return options.Validate();
    read.endpoints.push_back(*std::move(endpoint));
  }
  read.plaintext = options.plaintext;
  if (options.plaintext) {
    read.credentials = grpc::InsecureChannelCredentials();
  } else {
    absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> made = MakeCredentials(options.tls);
    if (!made.ok()) return made.status();
    read.credentials = *std::move(made);
  }
  absl::StatusOr<std::optional<Secret>> key = ReadKey(options);
  if (!key.ok()) return key.status();
  read.key = *std::move(key);
  return read;
}

}  // namespace claviger::client
