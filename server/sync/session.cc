#include "server/sync/session.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace claviger::sync {
namespace {

void Append(std::vector<FromAuthority> more, std::vector<FromAuthority>& all) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

}  // namespace

std::vector<FromAuthority> Session::Connect(ConnectionId connection, const Hello& hello,
                                            ProjectFilter filter, const Epoch& epoch,
                                            const EventRing& ring, absl::Duration lease) {
  // A cache that was filled under another filter may hold keys that this one would never evict. Who
  // only looks on, now and as far as is known, has none.
  const bool same_filter = known_ && !observer_ ? filter == filter_ && flushed_for_filter_
                                                : hello.observer || filter.passes_all();
  const bool resumed = hello.epoch == epoch && same_filter && ring.Covers(hello.resume_revision);
  // A Welcome that is lost is told again: the next connection must not resume what it was to flush.
  if (!resumed) flushed_for_filter_ = false;
  known_ = true;
  connection_ = connection;
  filter_ = std::move(filter);
  client_ = hello.client;
  observer_ = hello.observer;
  stale_on_error_ = hello.stale_on_error;
  last_grant_ = -absl::InfiniteDuration();
  under_way_.reset();
  if (resumed) {
    // Its position is as good as an acknowledgement.
    acked_ = std::max(acked_, hello.resume_revision);
    cursor_ = hello.resume_revision;
  } else {
    cursor_ = ring.head();
    under_way_ = ring.head();
  }
  told_ = cursor_;
  std::vector<FromAuthority> out = {Welcome{.epoch = epoch,
                                            .head_revision = ring.head(),
                                            .resumed = resumed,
                                            .lease = lease,
                                            .beat_interval = lease / 3,
                                            .projects = filter_.projects(),
                                            .imported_keys = ring.imported_keys()}};
  told_imported_keys_ = ring.imported_keys();
  Append(Pump(ring), out);
  return out;
}

std::optional<std::vector<FromAuthority>> Session::OnBeat(const Beat& beat, const EventRing& ring,
                                                          absl::Duration lease,
                                                          absl::Duration now) {
  if (beat.acked_revision > told_) return std::nullopt;
  acked_ = std::max(acked_, beat.acked_revision);
  // By this beat's own word: an older acknowledgement is none of a Welcome that came after it.
  if (under_way_.has_value() && beat.acked_revision >= *under_way_) under_way_.reset();
  if (!under_way_.has_value()) flushed_for_filter_ = true;
  const bool earned =
      !observer_ && (!under_way_.has_value() || !rules_.grant_needs_ack) && GrantIsDue(lease, now);
  if (!rules_.replay_before_grant) {
    std::vector<FromAuthority> out;
    if (earned) out.push_back(GrantFor(beat, lease, now));
    Append(Pump(ring), out);
    return out;
  }
  // What was committed meanwhile goes ahead on the ordered stream. A barrier for it may have ended
  // already, because this session's lease had: a lease that came first, or came without all of it,
  // would bring back what that barrier saw the end of.
  std::vector<FromAuthority> out = Pump(ring);
  if (earned && cursor_ == ring.head()) out.push_back(GrantFor(beat, lease, now));
  return out;
}

Grant Session::GrantFor(const Beat& beat, absl::Duration lease, absl::Duration now) {
  const absl::Duration trusted =
      rules_.lease_margin ? AuthorityLease(lease + stale_on_error_) : lease;
  lease_end_ = std::max(lease_end_, now + trusted);
  last_grant_ = now;
  // Where the verifier is once it has read what was sent.
  if (!under_way_.has_value()) told_ = std::max(told_, cursor_);
  return {.beat_id = beat.beat_id, .up_to_revision = told_, .lease = lease};
}

std::vector<FromAuthority> Session::Pump(const EventRing& ring) {
  if (!connection_.has_value() || under_way_.has_value() || cursor_ == ring.head()) return {};
  // With nothing under way, everything up to the cursor is out of its cache.
  acked_ = std::max(acked_, cursor_);
  if (!ring.Covers(cursor_)) {
    cursor_ = ring.head();
    under_way_ = cursor_;
    told_ = cursor_;
    told_imported_keys_ = true;  // what a verifier takes for granted after a Reset
    return {Reset{.to_revision = cursor_, .why = ResetReason::kTooSlow}};
  }
  EventRing::Items behind = ring.Behind(cursor_, filter_, kMaxItems);
  cursor_ = behind.to;
  // What does not concern this verifier needs no message: the next one moves its position.
  // But for the first key that was made elsewhere, whose project need not be one of its own: from
  // then on it has to ask about texts that are no keys of ours.
  if (behind.items.empty() && ring.imported_keys() == told_imported_keys_) return {};
  told_imported_keys_ = ring.imported_keys();
  under_way_ = behind.to;
  return {Invalidation{.previous_revision = std::exchange(told_, behind.to),
                       .to_revision = behind.to,
                       .items = std::move(behind.items),
                       .imported_keys = ring.imported_keys()}};
}

bool Session::HasReached(Revision revision) const { return position() >= revision; }

bool Session::Concerns(const std::string& project_id) const {
  return project_id.empty() || filter_.Passes(project_id) || !flushed_for_filter_;
}

}  // namespace claviger::sync
