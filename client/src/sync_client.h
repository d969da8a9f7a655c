// The verifier's side of the Sync stream as a pure state machine: messages and time in, actions
// out. It owns no thread, clock, connection or cache; whoever runs it carries out the actions in
// their order. The protocol and its invariants I1 to I16: docs/invalidation.md.
#ifndef CLAVIGER_CLIENT_SRC_SYNC_CLIENT_H_
#define CLAVIGER_CLIENT_SRC_SYNC_CLIENT_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "client/src/insert_fence.h"
#include "client/src/sync_rules.h"
#include "core/random.h"
#include "core/revision.h"
#include "core/sync_messages.h"

namespace claviger::client {

// One attempt at a connection, from 1 on.
using ConnectionId = uint64_t;

// To `VerifierView::SetLease`. Zero: there is no lease any more.
struct SetLease {
  absl::Duration end;
};
// To `VerifierView::SetImportedKeys`.
struct SetImportedKeys {
  bool any = true;
};
// Onto the current connection.
struct Send {
  sync::FromVerifier message;
  // A beat that nobody waits for: reports of usage may ride on it. What rides is said once, whether
  // it arrives or not: the machine neither keeps nor repeats it.
  bool may_report = false;
};
// Close the connection that there is, if any; after `delay` open a new one, and call it
// `connection`. Then OnConnected, or OnDisconnected if that failed. Replaces an earlier Connect.
struct Connect {
  ConnectionId connection = 0;
  absl::Duration delay;
};
// Call OnTimer at `at`, once; replaces the time that was set before. absl::InfiniteDuration():
// never.
struct SetTimer {
  absl::Duration at;
};

// CacheStep goes to InsertFence::Apply.
using SyncAction = std::variant<CacheStep, SetLease, SetImportedKeys, Send, Connect, SetTimer>;
using SyncActions = std::vector<SyncAction>;

// For people and metrics.
enum class SyncState : uint8_t {
  kWaiting,    // to connect, or for a connection
  kGreeting,   // connected, said Hello, no Welcome yet
  kFollowing,  // in step with the authority
};

// Thread safety: none; one caller at a time. All times are on the scale of Clock::SinceBoot and do
// not go back.
class SyncClient {
 public:
  struct Options {
    sync::SessionId session_id{};          // random, one per process
    std::vector<std::string> project_ids;  // empty: all that the caller may verify
    absl::Duration stale_on_error;         // as given to VerifierView
    std::string client;                    // name and version
  };

  // Delays between attempts lie between these, and are drawn anew each time (I16).
  static constexpr absl::Duration kMinBackoff = absl::Milliseconds(100);
  static constexpr absl::Duration kMaxBackoff = absl::Seconds(5);
  // A GoAway cannot send us away for longer.
  static constexpr absl::Duration kMaxGoAway = absl::Seconds(60);
  // A connection without a Welcome for so long is given up.
  static constexpr absl::Duration kWelcomeTimeout = absl::Seconds(5);

  // `random` outlives this object.
  SyncClient(Options options, RandomSource& random, const SyncRules& rules = {});

  // The first action: connect at once. To be called once, before everything else.
  SyncActions Start();

  // What concerns another connection than the one last asked for is ignored: it answers no actions.
  SyncActions OnConnected(ConnectionId connection, absl::Duration now);
  SyncActions OnMessage(ConnectionId connection, const sync::FromAuthority& message,
                        absl::Duration now);
  // Closed, broken, or never came about.
  SyncActions OnDisconnected(ConnectionId connection, absl::Duration now);
  // May come late, early or twice.
  SyncActions OnTimer(absl::Duration now);
  // One more beat, for last reports, where the stream stands; else no actions.
  SyncActions BeatOnceMore(absl::Duration now);

  SyncState state() const { return state_; }
  // None before the first Welcome, and when all begins anew.
  const std::optional<Epoch>& epoch() const { return epoch_; }
  Revision position() const { return position_; }
  // Zero: none was ever granted in this epoch.
  absl::Duration lease_end() const { return lease_end_; }

 private:
  struct SentBeat {
    uint64_t id;
    absl::Duration sent_at;
  };
  // Beats that may still be answered. More than this at once are sent, but forgotten.
  static constexpr size_t kMaxSentBeats = 4096;

  void Handle(const sync::Welcome& welcome, absl::Duration now, SyncActions& actions);
  void Handle(const sync::Invalidation& invalidation, absl::Duration now, SyncActions& actions);
  void Handle(const sync::Grant& grant, absl::Duration now, SyncActions& actions);
  void Handle(const sync::Reset& reset, absl::Duration now, SyncActions& actions);
  void Handle(const sync::GoAway& go_away, absl::Duration now, SyncActions& actions);

  void LearnImportedKeys(bool any, SyncActions& actions);
  // Goes to `position`, then says so.
  void MoveTo(Revision position, bool flush, std::vector<sync::Item> items, absl::Duration now,
              SyncActions& actions);
  void SendBeat(absl::Duration now, bool may_report, SyncActions& actions);
  void Reconnect(absl::Duration delay, SyncActions& actions);
  void BackOff(SyncActions& actions);
  void EndLease(SyncActions& actions);
  // For an authority whose word does not fit with what it said before: S never goes back within an
  // epoch, so the next Hello has none, and nothing is trusted until it was answered.
  void StartOver(SyncActions& actions);
  // When a connection on which nothing comes is given up.
  absl::Duration SilentUntil() const;
  void UpdateTimer(SyncActions& actions);
  // Between `low` and `high`.
  absl::Duration Jittered(absl::Duration low, absl::Duration high);

  const Options options_;
  RandomSource& random_;
  const SyncRules rules_;

  SyncState state_ = SyncState::kWaiting;
  std::optional<Epoch> epoch_;
  Revision position_;
  ToldProjects projects_;
  absl::Duration lease_end_;
  bool imported_keys_ = true;  // not known: there may be some

  // Of the current connection.
  ConnectionId connection_ = 0;
  absl::Duration lease_;
  absl::Duration beat_interval_;
  absl::Duration next_beat_;
  absl::Duration last_heard_;
  uint64_t last_beat_id_ = 0;
  std::deque<SentBeat> sent_beats_;

  int failures_ = 0;  // since the last Grant
  absl::Duration timer_ = absl::InfiniteDuration();
};

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_SYNC_CLIENT_H_
