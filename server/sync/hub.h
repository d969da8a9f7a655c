// The authority's side of the Sync protocol: all sessions, all barriers, the recent changes.
#ifndef CLAVIGER_SERVER_SYNC_HUB_H_
#define CLAVIGER_SERVER_SYNC_HUB_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "core/revision.h"
#include "core/sync_messages.h"
#include "server/sync/barrier.h"
#include "server/sync/event_ring.h"
#include "server/sync/rules.h"
#include "server/sync/session.h"
#include "storage/changes.h"

namespace claviger::sync {

struct HubOptions {
  Epoch epoch;
  Revision head;               // the store's revision at the start
  bool imported_keys = false;  // whether the store has keys then that were made elsewhere
  absl::Duration lease = kDefaultLease;
  size_t ring_capacity = 65'536;  // changes that a subscriber may be behind
  absl::Duration started;         // on the SinceBoot scale
  // Leases of before the start that nothing is known of end by `started` and this long. Zero after
  // a clean stop.
  absl::Duration unknown_leases = absl::ZeroDuration();
  AuthorityRules rules;
};

// Why the hub ends a connection.
enum class CloseReason : uint8_t {
  kReplaced,       // the same session came back on another connection
  kProtocolError,  // an acknowledgement of what was never sent
};

// What the hub wants done. In order.
struct SendTo {
  ConnectionId connection;
  FromAuthority message;
};
struct CloseConnection {
  ConnectionId connection;
  CloseReason why;
};
struct BarrierEnded {
  uint64_t barrier;
  BarrierReport report;
};
using HubAction = std::variant<SendTo, CloseConnection, BarrierEnded>;

// A session as an operator sees it.
struct SessionInfo {
  SessionId id{};
  std::string client;
  bool connected = false;
  bool observer = false;
  ConnectionId connection = 0;  // only if connected
  Revision position;
  absl::Duration lease_left;  // zero or less: none
};

// Counts since the start, for metrics.
struct HubCounters {
  uint64_t invalidations = 0;  // messages sent
  uint64_t items = 0;          // in them
  uint64_t resets_too_slow = 0;
  uint64_t resets_at_hello = 0;  // connections that could not resume
  uint64_t leases_granted = 0;
  uint64_t leases_expired = 0;  // sessions forgotten because theirs ran out
};

// Pure: told the time (SinceBoot) and of what happens, asks for actions.
//
// Thread safety: none; driven by one thread (SyncLoop) or by the simulation.
class Hub {
 public:
  explicit Hub(const HubOptions& options);

  // `filter`: what the caller may see of what it asked for. Returns whether the verifier may keep
  // its cache; else its Welcome is a reset.
  bool OnHello(ConnectionId connection, const Hello& hello, ProjectFilter filter,
               absl::Duration now);
  void OnBeat(ConnectionId connection, const Beat& beat, absl::Duration now);
  void OnClosed(ConnectionId connection);

  // Fills the ring with changes of before the start, oldest first, without gaps up to
  // `options.head`.
  void Preload(std::vector<Event> events);
  // Changes that are committed and applied, in order.
  void OnCommitted(std::vector<Event> events, absl::Duration now);

  // Ends with a BarrierEnded of the same `barrier`, perhaps at once. `project_id` empty: concerns
  // all projects. With a `deadline` that has passed it reports how things stand.
  // REQUIRES: OnCommitted was given `revision`: a session without a lease is not waited for, and
  // could else still earn one at an older revision.
  void AddBarrier(uint64_t barrier, Revision revision, const std::string& project_id,
                  absl::Duration deadline, absl::Duration now);

  // What has come due: to be called at NextTimer at the latest.
  void OnTimer(absl::Duration now);
  absl::Duration NextTimer() const;

  // Ends all barriers as if their deadlines had come.
  void EndAllBarriers(absl::Duration now);

  // Tells everyone to come back later, spread over `spread` by their session ids (I16).
  void SayGoAway(absl::Duration earliest, absl::Duration spread);

  std::vector<HubAction> TakeActions();

  // Until when somebody may hold a lease, of this process or of one before; in the past when nobody
  // does.
  absl::Duration LastLeaseEnd() const;
  std::vector<SessionInfo> Sessions(absl::Duration now) const;
  size_t barriers() const { return barriers_.size(); }
  Revision head() const { return ring_.head(); }
  const HubCounters& counters() const { return counters_; }

 private:
  Session* FindByConnection(ConnectionId connection);
  void Emit(ConnectionId connection, std::vector<FromAuthority> messages);
  void CheckBarriers(const Session* session, absl::Duration now);
  void EndBarriers(absl::Duration now);
  void ForgetExpired(absl::Duration now);
  // When the leases of before the start are over; in the infinite past when there are none.
  absl::Duration UnknownLeasesEnd() const;

  const HubOptions options_;
  EventRing ring_;
  absl::flat_hash_map<SessionId, std::unique_ptr<Session>> sessions_;
  absl::flat_hash_map<ConnectionId, Session*> by_connection_;
  absl::flat_hash_set<Session*> gone_;  // sessions without a connection
  absl::flat_hash_map<uint64_t, Barrier> barriers_;
  std::vector<HubAction> actions_;
  HubCounters counters_;
};

}  // namespace claviger::sync

#endif  // CLAVIGER_SERVER_SYNC_HUB_H_
