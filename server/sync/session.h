// One verifying process, connected or gone: where it is, and until when it may trust its cache.
#ifndef CLAVIGER_SERVER_SYNC_SESSION_H_
#define CLAVIGER_SERVER_SYNC_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "core/revision.h"
#include "core/sync_messages.h"
#include "server/sync/event_ring.h"
#include "server/sync/rules.h"

namespace claviger::sync {

// Names one stream; never reused.
using ConnectionId = uint64_t;

// Pure: told the time, gives messages. One message that wants an acknowledgement is under way at a
// time, and what happens meanwhile is joined into the next one: a slow verifier costs one cursor
// (I13), and between an acknowledgement and the next push there is always a moment in which a Grant
// is allowed (I7), however many changes there are.
//
// Thread safety: none; belongs to the hub.
class Session {
 public:
  Session(const SessionId& id, const AuthorityRules& rules) : id_(id), rules_(rules) {}

  // The first message of a new connection, which takes the place of an older one. `filter` is what
  // the caller may see of what it asked for.
  std::vector<FromAuthority> Connect(ConnectionId connection, const Hello& hello,
                                     ProjectFilter filter, const Epoch& epoch,
                                     const EventRing& ring, absl::Duration lease);
  void Disconnect() { connection_.reset(); }

  // An acknowledgement and a wish for a lease. nullopt: the verifier claims to be where it was
  // never told to go, and is not to be trusted any more.
  std::optional<std::vector<FromAuthority>> OnBeat(const Beat& beat, const EventRing& ring,
                                                   absl::Duration lease, absl::Duration now);

  // What is to be sent now that the ring has grown.
  std::vector<FromAuthority> Pump(const EventRing& ring);

  // Whether nothing that was true before `revision` can be in this verifier's cache by its own
  // word.
  bool HasReached(Revision revision) const;
  // Whether it may trust its cache at `now`.
  bool HoldsLease(absl::Duration now) const { return lease_end_ > now; }
  // Whether it may hold keys of `project_id` (empty: of any project).
  bool Concerns(const std::string& project_id) const;

  const SessionId& id() const { return id_; }
  const std::optional<ConnectionId>& connection() const { return connection_; }
  const ProjectFilter& filter() const { return filter_; }
  const std::string& client() const { return client_; }
  absl::Duration lease_end() const { return lease_end_; }
  // Everything that concerns it up to here is out of its cache.
  Revision position() const { return under_way_.has_value() ? acked_ : cursor_; }
  bool observer() const { return observer_; }
  absl::Duration stale_on_error() const { return stale_on_error_; }

 private:
  // Whether a Grant now would lengthen the lease by enough to be worth a message. A Grant may
  // always be left out: it is as if it were lost.
  bool GrantIsDue(absl::Duration lease, absl::Duration now) const {
    return now - last_grant_ >= lease / kGrantsPerLease;
  }
  Grant GrantFor(const Beat& beat, absl::Duration lease, absl::Duration now);

  // Longest list of items in a message.
  static constexpr size_t kMaxItems = 4096;
  // Twice as many as beats that come by the clock, each of which so gets one.
  static constexpr int kGrantsPerLease = 6;

  const SessionId id_;
  const AuthorityRules rules_;
  std::optional<ConnectionId> connection_;
  ProjectFilter filter_;
  std::string client_;
  bool known_ = false;  // was connected before
  // Whether all that it holds was cached under `filter_`: not while it has yet to forget what an
  // older filter let through.
  bool flushed_for_filter_ = true;
  bool observer_ = false;
  absl::Duration stale_on_error_;
  absl::Duration lease_end_ = -absl::InfiniteDuration();
  absl::Duration last_grant_ = -absl::InfiniteDuration();  // on this connection
  Revision acked_;
  Revision cursor_;  // everything up to here was sent or does not concern it
  Revision told_;    // the position that it has, or will have once it has read what was sent
  std::optional<Revision> under_way_;  // sent and not yet acknowledged
  bool told_imported_keys_ = true;     // as it has it, or will have once it has read what was sent
};

}  // namespace claviger::sync

#endif  // CLAVIGER_SERVER_SYNC_SESSION_H_
