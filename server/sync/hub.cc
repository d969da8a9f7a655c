#include "server/sync/hub.h"

#include <algorithm>
#include <utility>

namespace claviger::sync {

Hub::Hub(const HubOptions& options)
    : options_(options), ring_(options.head, options.ring_capacity, options.imported_keys) {}

Session* Hub::FindByConnection(ConnectionId connection) {
  const auto it = by_connection_.find(connection);
  return it == by_connection_.end() ? nullptr : it->second;
}

void Hub::Emit(ConnectionId connection, std::vector<FromAuthority> messages) {
  for (FromAuthority& message : messages) {
    if (const auto* invalidation = std::get_if<Invalidation>(&message)) {
      ++counters_.invalidations;
      counters_.items += invalidation->items.size();
    } else if (std::holds_alternative<Reset>(message)) {
      ++counters_.resets_too_slow;
    } else if (std::holds_alternative<Grant>(message)) {
      ++counters_.leases_granted;
    }
    actions_.emplace_back(SendTo{connection, std::move(message)});
  }
}

bool Hub::OnHello(ConnectionId connection, const Hello& hello, ProjectFilter filter,
                  absl::Duration now) {
  std::unique_ptr<Session>& session = sessions_[hello.session_id];
  if (session == nullptr) session = std::make_unique<Session>(hello.session_id, options_.rules);
  if (const std::optional<ConnectionId> old = session->connection(); old.has_value()) {
    by_connection_.erase(*old);
    actions_.emplace_back(CloseConnection{*old, CloseReason::kReplaced});
  }
  by_connection_[connection] = session.get();
  gone_.erase(session.get());
  std::vector<FromAuthority> messages =
      session->Connect(connection, hello, std::move(filter), options_.epoch, ring_, options_.lease);
  const bool resumed = std::get<Welcome>(messages.front()).resumed;
  if (!resumed) ++counters_.resets_at_hello;
  Emit(connection, std::move(messages));
  CheckBarriers(session.get(), now);
  return resumed;
}

void Hub::OnBeat(ConnectionId connection, const Beat& beat, absl::Duration now) {
  Session* session = FindByConnection(connection);
  if (session == nullptr) return;  // closed meanwhile
  std::optional<std::vector<FromAuthority>> messages =
      session->OnBeat(beat, ring_, options_.lease, now);
  if (!messages.has_value()) {
    OnClosed(connection);
    actions_.emplace_back(CloseConnection{connection, CloseReason::kProtocolError});
    return;
  }
  Emit(connection, *std::move(messages));
  CheckBarriers(session, now);
}

void Hub::OnClosed(ConnectionId connection) {
  Session* session = FindByConnection(connection);
  if (session == nullptr) return;
  by_connection_.erase(connection);
  session->Disconnect();
  gone_.insert(session);
}

void Hub::Preload(std::vector<Event> events) {
  if (events.empty()) return;
  ring_ = EventRing(Revision{events.front().revision.value - 1}, options_.ring_capacity,
                    options_.imported_keys);
  for (Event& event : events) ring_.Append(std::move(event));
}

void Hub::OnCommitted(std::vector<Event> events, absl::Duration now) {
  for (Event& event : events) ring_.Append(std::move(event));
  for (const auto& [connection, session] : by_connection_) Emit(connection, session->Pump(ring_));
  EndBarriers(now);
}

void Hub::AddBarrier(uint64_t barrier, Revision revision, const std::string& project_id,
                     absl::Duration deadline, absl::Duration now) {
  absl::flat_hash_set<const Session*> waits_for;
  int acked = 0;
  for (const auto& [id, session] : sessions_) {
    if (!session->Concerns(project_id) || !session->HoldsLease(now)) continue;
    if (session->HasReached(revision)) {
      ++acked;
    } else if (session->connection().has_value() || options_.rules.wait_for_the_gone) {
      waits_for.insert(session.get());
    }
  }
  const absl::Duration not_before = options_.rules.wait_after_restart ? UnknownLeasesEnd() : now;
  barriers_.emplace(barrier, Barrier(revision, std::move(waits_for), acked, now,
                                     std::max(now, not_before), deadline));
  EndBarriers(now);
}

void Hub::CheckBarriers(const Session* session, absl::Duration now) {
  for (auto& [id, barrier] : barriers_) barrier.Check(session, now);
  EndBarriers(now);
}

void Hub::EndBarriers(absl::Duration now) {
  for (auto it = barriers_.begin(); it != barriers_.end();) {
    const auto current = it++;
    if (!current->second.Ended(now)) continue;
    actions_.emplace_back(BarrierEnded{current->first, current->second.Report(now)});
    barriers_.erase(current);
  }
}

void Hub::EndAllBarriers(absl::Duration now) {
  for (const auto& [id, barrier] : barriers_) {
    actions_.emplace_back(BarrierEnded{id, barrier.Report(now)});
  }
  barriers_.clear();
}

void Hub::OnTimer(absl::Duration now) {
  for (auto& [id, barrier] : barriers_) barrier.CheckAll(now);
  EndBarriers(now);
  ForgetExpired(now);
}

void Hub::ForgetExpired(absl::Duration now) {
  for (auto it = gone_.begin(); it != gone_.end();) {
    const auto current = it++;
    const Session& session = **current;
    if (session.HoldsLease(now)) continue;
    // Observers, and who left before its first Beat, had none.
    if (session.lease_end() != -absl::InfiniteDuration()) ++counters_.leases_expired;
    gone_.erase(current);
    sessions_.erase(SessionId(session.id()));
  }
}

absl::Duration Hub::NextTimer() const {
  absl::Duration next = absl::InfiniteDuration();
  for (const auto& [id, barrier] : barriers_) next = std::min(next, barrier.NextLook());
  for (const Session* session : gone_) next = std::min(next, session->lease_end());
  return next;
}

void Hub::SayGoAway(absl::Duration earliest, absl::Duration spread) {
  for (const auto& [connection, session] : by_connection_) {
    const double share = session->id()[0] / 256.0;
    Emit(connection, {GoAway{.reconnect_after = earliest + spread * share}});
  }
}

std::vector<HubAction> Hub::TakeActions() { return std::exchange(actions_, {}); }

absl::Duration Hub::UnknownLeasesEnd() const {
  if (options_.unknown_leases <= absl::ZeroDuration()) return -absl::InfiniteDuration();
  return options_.started + AuthorityLease(options_.unknown_leases);
}

absl::Duration Hub::LastLeaseEnd() const {
  absl::Duration last = UnknownLeasesEnd();
  for (const auto& [id, session] : sessions_) last = std::max(last, session->lease_end());
  return last;
}

std::vector<SessionInfo> Hub::Sessions(absl::Duration now) const {
  std::vector<SessionInfo> infos;
  for (const auto& [id, session] : sessions_) {
    infos.push_back({.id = id,
                     .client = session->client(),
                     .connected = session->connection().has_value(),
                     .observer = session->observer(),
                     .connection = session->connection().value_or(0),
                     .position = session->position(),
                     .lease_left = session->lease_end() - now});
  }
  return infos;
}

}  // namespace claviger::sync
