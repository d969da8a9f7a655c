// The Sync stream on gRPC.
#ifndef CLAVIGER_CLIENT_SRC_GRPC_SYNC_STREAM_H_
#define CLAVIGER_CLIENT_SRC_GRPC_SYNC_STREAM_H_

#include <memory>

#include "client/src/connection.h"
#include "client/src/event_loop.h"
#include "client/src/sync_stream.h"

namespace claviger::client {

// Opens streams to the connection's current endpoint; one that fails makes the connection move on.
//
// Thread safety: the client's thread only.
class GrpcSyncStreamOpener final : public SyncStreamOpener {
 public:
  // Both outlive the opener and its streams.
  GrpcSyncStreamOpener(Connection& connection, EventLoop& loop)
      : connection_(connection), loop_(loop) {}

  std::unique_ptr<SyncStream> Open(ConnectionId connection, SyncStreamHandler& handler) override;

 private:
  Connection& connection_;
  EventLoop& loop_;
};

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_GRPC_SYNC_STREAM_H_
