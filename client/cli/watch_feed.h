// What an observer of the Sync stream hears. The protocol: docs/invalidation.md.
#ifndef CLAVIGER_CLIENT_CLI_WATCH_FEED_H_
#define CLAVIGER_CLIENT_CLI_WATCH_FEED_H_

#include <claviger/v1/verifier.pb.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace claviger::cli {

// One thing that verifiers were told to forget.
struct WatchEvent {
  enum class What {
    kKey,      // one key
    kProject,  // all keys of a project
    kAll,      // all keys
    kReset,    // anything: what happened after `since` was not told
  };

  What what = What::kAll;
  // The key's or project's; else empty. Hostile text until escaped.
  std::string id = {};
  // The change is in this revision, or in one before that was not told yet: what happens while the
  // server waits for an acknowledgement is told together.
  uint64_t revision = 0;
  uint64_t since = 0;
};

// An observer's side of the stream, over all of its connections: each goes on where the last one
// ended. Knows neither gRPC nor the time.
//
// Thread safety: none.
class WatchFeed {
 public:
  // What comes of a message.
  struct Heard {
    std::vector<WatchEvent> events;
    // To be sent. Unset: nothing.
    std::optional<v1::SyncRequest> answer = {};
    // The server wants to be asked again so long after now. Unset: go on reading.
    std::optional<absl::Duration> come_back = {};
  };

  // `hello` says who is watching what; position and epoch are filled in here.
  explicit WatchFeed(v1::SyncHello hello);

  // The first message of the next connection.
  v1::SyncRequest Hello();

  // INTERNAL for a message that the protocol does not have at this place.
  absl::StatusOr<Heard> OnMessage(const v1::SyncResponse& message);

  // Of this connection; unset before it.
  const std::optional<v1::SyncWelcome>& welcome() const { return welcome_; }
  // Everything up to here was told.
  uint64_t position() const { return position_; }

 private:
  void Hear(const v1::SyncWelcome& welcome, Heard& heard);
  void Hear(const v1::SyncInvalidation& invalidation, Heard& heard);
  void MissUpTo(uint64_t revision, Heard& heard);
  v1::SyncRequest NextBeat();

  v1::SyncHello hello_;
  std::optional<v1::SyncWelcome> welcome_;
  uint64_t beats_ = 0;
  // Empty before the first Welcome.
  std::string epoch_;
  uint64_t position_ = 0;
};

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_WATCH_FEED_H_
