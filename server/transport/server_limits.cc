#include "server/transport/server_limits.h"

#include <string_view>

#include "fmt/format.h"
#include "grpc/grpc.h"
#include "grpcpp/resource_quota.h"
#include "server/transport/invalid_setting.h"

namespace claviger {
namespace {

absl::Status CheckCount(std::string_view setting, uint64_t value, uint64_t least, uint64_t most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return InvalidSetting(setting, fmt::format("{}", value),
                        fmt::format("from {} to {}", least, most));
}

absl::Status CheckDuration(std::string_view setting, absl::Duration value, absl::Duration least) {
  constexpr absl::Duration kMost = absl::Hours(24);
  if (value >= least && value <= kMost) return absl::OkStatus();
  return InvalidSetting(
      setting, absl::FormatDuration(value),
      fmt::format("from {} to {}", absl::FormatDuration(least), absl::FormatDuration(kMost)));
}

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

}  // namespace

absl::Status ServerLimits::Validate() const {
  // A Verify with its scopes is up to 64 KiB; more than 64 MiB is no request of this API.
  const absl::Status checks[] = {
      CheckCount("max-connections", max_connections, 16, 500'000),
      CheckCount("max-connections-per-address", max_connections_per_address, 1, 500'000),
      CheckCount("transport-memory", transport_memory_bytes, 32 << 20, uint64_t{1} << 40),
      CheckCount("max-message-size", max_message_bytes, 64 << 10, 64 << 20),
      CheckCount("max-metadata-size", max_metadata_bytes, 1 << 10, 1 << 20),
      CheckCount("max-streams-per-connection", max_streams_per_connection, 1, 100'000),
      CheckDuration("keepalive-interval", keepalive_interval, absl::Seconds(1)),
      CheckDuration("keepalive-timeout", keepalive_timeout, absl::Seconds(1)),
      CheckDuration("min-ping-interval", min_ping_interval, absl::Seconds(1)),
      CheckDuration("max-connection-idle", max_connection_idle, absl::Seconds(1)),
      CheckDuration("max-connection-age", max_connection_age, absl::Seconds(1)),
      CheckDuration("max-connection-age-grace", max_connection_age_grace, absl::ZeroDuration()),
      CheckDuration("handshake-timeout", handshake_timeout, absl::Milliseconds(100)),
  };
  for (const absl::Status& check : checks) {
    if (!check.ok()) return check;
  }
  return absl::OkStatus();
}

void ApplyLimits(const ServerLimits& limits, grpc::ServerBuilder& builder) {
  grpc::ResourceQuota memory("connections");
  memory.Resize(limits.transport_memory_bytes);
  builder.SetResourceQuota(memory);
  // What a message becomes when it is unpacked has no limit in gRPC 1.51: 1 MiB of gzip is 1 GiB.
  // Nothing is unpacked, and who sends something packed is told so.
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  builder.SetMaxReceiveMessageSize(static_cast<int>(limits.max_message_bytes));
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE,
                             static_cast<int>(limits.max_metadata_bytes));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             static_cast<int>(limits.max_streams_per_connection));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(limits.keepalive_interval));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(limits.keepalive_timeout));
  // Without these two a silent connection would get two pings and then none, and a client with no
  // call open might ping every two hours only.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             Milliseconds(limits.min_ping_interval));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS,
                             Milliseconds(limits.max_connection_idle));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                             Milliseconds(limits.max_connection_age));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                             Milliseconds(limits.max_connection_age_grace));
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                             Milliseconds(limits.handshake_timeout));
}

}  // namespace claviger
