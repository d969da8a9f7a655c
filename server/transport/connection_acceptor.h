// Takes in the connections of the gRPC port, in place of gRPC's own listener: that one stops for
// good when descriptors run out, and takes in whoever comes. docs/adr/0016-own-acceptor.md has the
// reasons.
//
//   ServerBuilder builder;
//   auto to_grpc = builder.experimental().AddExternalConnectionAcceptor(FROM_FD, credentials);
//   … BuildAndStart …
//   ConnectionAcceptor acceptor(std::move(socket), std::move(to_grpc), caps, marks, metrics);
//   …
//   acceptor.Stop();
//   server->Shutdown(deadline);
#ifndef CLAVIGER_SERVER_TRANSPORT_CONNECTION_ACCEPTOR_H_
#define CLAVIGER_SERVER_TRANSPORT_CONNECTION_ACCEPTOR_H_

#include <array>
#include <cstdint>
#include <memory>
#include <thread>

#include "absl/time/time.h"
#include "core/file_descriptor.h"
#include "grpcpp/server_builder.h"
#include "server/metrics/connection_metrics.h"
#include "server/transport/caller_marks.h"
#include "server/transport/connection_table.h"
#include "server/transport/listen_socket.h"

namespace claviger {

// Accepts on a thread of its own from construction to Stop, whatever happens: where descriptors or
// memory run out, it turns away who comes and goes on when there are some again.
//
// Thread safety: Stop and the destructor from one thread.
class ConnectionAcceptor {
 public:
  // The gRPC server that `to_grpc` belongs to has been started. `marks` and `metrics` outlive the
  // acceptor.
  ConnectionAcceptor(ListenSocket socket,
                     std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> to_grpc,
                     const ConnectionCaps& caps, CallerMarks& marks, ConnectionMetrics& metrics);
  // Stops.
  ~ConnectionAcceptor();

  ConnectionAcceptor(const ConnectionAcceptor&) = delete;
  ConnectionAcceptor& operator=(const ConnectionAcceptor&) = delete;

  // Nobody comes in any more; connections that are open stay. To be called before the server is
  // shut down, which leaks what it is given afterwards. Idempotent.
  void Stop();

 private:
  void Run();
  // False when nobody waits any more, or when it cannot go on for now.
  bool AcceptOne();
  void OnAcceptError(int error);
  void TakeIn(int fd);
  void TurnAway(int fd, ConnectionCap bound);
  void AcceptWithSpare();
  void Publish();
  void LogTurnedAway(absl::Duration now);

  ListenSocket socket_;
  const std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> to_grpc_;
  ConnectionMetrics& metrics_;
  FileDescriptor wake_;

  // The thread's own.
  ConnectionTable table_;
  // Given up to turn somebody away when there is no other descriptor.
  FileDescriptor spare_;
  bool listens_again_soon_ = false;
  std::array<uint64_t, kConnectionBounds> refused_{};
  uint64_t logged_ = 0;
  absl::Duration logged_at_ = -absl::InfiniteDuration();
  absl::Duration failure_logged_at_ = -absl::InfiniteDuration();

  std::thread thread_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_TRANSPORT_CONNECTION_ACCEPTOR_H_
