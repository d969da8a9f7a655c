// One Verifier.Sync stream, from the verifier's side.
#ifndef CLAVIGER_CLIENT_SRC_SYNC_STREAM_H_
#define CLAVIGER_CLIENT_SRC_SYNC_STREAM_H_

#include <memory>

#include "absl/status/status.h"
#include "client/src/sync_client.h"
#include "core/sync_messages.h"

namespace claviger::client {

// The sending end. Destroying it closes the stream.
//
// Thread safety: the client's thread only.
class SyncStream {
 public:
  virtual ~SyncStream() = default;
  // Queues a message.
  virtual void Send(const sync::FromVerifier& message) = 0;
  // Says that nothing more comes, after what is queued. The peer ends the stream in turn, which
  // comes to OnDisconnected.
  virtual void EndSending() = 0;
};

// The receiving end. Called on the client's thread, never from within a call to the stream.
class SyncStreamHandler {
 public:
  virtual void OnConnected(ConnectionId connection) = 0;
  virtual void OnMessage(ConnectionId connection, const sync::FromAuthority& message) = 0;
  // The last call, with the reason. None comes when the stream was closed from our side.
  virtual void OnDisconnected(ConnectionId connection, const absl::Status& why) = 0;

 protected:
  ~SyncStreamHandler() = default;
};

class SyncStreamOpener {
 public:
  virtual ~SyncStreamOpener() = default;
  // `handler` outlives the stream.
  virtual std::unique_ptr<SyncStream> Open(ConnectionId connection, SyncStreamHandler& handler) = 0;
};

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_SYNC_STREAM_H_
