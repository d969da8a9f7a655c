// What one client may cost a gRPC server.
#ifndef CLAVIGER_SERVER_TRANSPORT_SERVER_LIMITS_H_
#define CLAVIGER_SERVER_TRANSPORT_SERVER_LIMITS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/server_builder.h"

namespace claviger {

// Bounds of connections and calls. The bounds of single fields are those of the calls.
struct ServerLimits {
  // Connections open at once, in total and from one address (an IPv4 address or an IPv6 /64).
  uint64_t max_connections = 5000;
  uint64_t max_connections_per_address = 1000;
  // What connections and calls may take, in bytes: gRPC's buffers at any time, and on top of the
  // store's caches how much the process may grow within ten seconds
  // (server/transport/memory_guard.h).
  uint64_t transport_memory_bytes = uint64_t{512} << 20;
  // Largest message received, in bytes.
  uint64_t max_message_bytes = 1 << 20;
  // Most metadata of a call, in bytes.
  uint64_t max_metadata_bytes = 8 << 10;
  // Calls open at once on a connection.
  uint64_t max_streams_per_connection = 100;
  // A silent connection is pinged after this time and closed when no answer comes in time.
  absl::Duration keepalive_interval = absl::Seconds(30);
  absl::Duration keepalive_timeout = absl::Seconds(10);
  // A client that pings more often is disconnected.
  absl::Duration min_ping_interval = absl::Seconds(20);
  // A connection without a call is closed after this time.
  absl::Duration max_connection_idle = absl::Minutes(5);
  // A connection is asked to end after this time (gRPC adds 10 % of jitter either way), and ended
  // when its calls are not done within the grace.
  absl::Duration max_connection_age = absl::Minutes(30);
  absl::Duration max_connection_age_grace = absl::Minutes(1);
  // From accepting a connection to the end of its handshakes.
  absl::Duration handshake_timeout = absl::Seconds(5);

  // INVALID_ARGUMENT, `CONFIG_INVALID`, naming the setting, the value and what is accepted.
  absl::Status Validate() const;
};

// Sets all of `limits` on `builder`.
void ApplyLimits(const ServerLimits& limits, grpc::ServerBuilder& builder);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_TRANSPORT_SERVER_LIMITS_H_
