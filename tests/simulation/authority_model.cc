#include "tests/simulation/authority_model.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>
#include <variant>

#include "fmt/format.h"

namespace claviger::simulation {
namespace {

constexpr absl::Duration kGoAwaySpread = absl::Seconds(2);
// A barrier may end later than the rules say by what the simulation delays the loop.
constexpr absl::Duration kLoopSlack = absl::Milliseconds(700);

// As server/rpc/sync_reactor.cc has it.
sync::ProjectFilter FilterOf(const Caller& caller, const std::vector<std::string>& wanted) {
  if (wanted.empty()) {
    return caller.projects.has_value() ? sync::ProjectFilter::Only(*caller.projects)
                                       : sync::ProjectFilter();
  }
  std::vector<std::string> allowed;
  for (const std::string& project_id : wanted) {
    if (caller.MaySee(project_id)) allowed.push_back(project_id);
  }
  return sync::ProjectFilter::Only(std::move(allowed));
}

// The hub's order of what concerns different connections is that of a hash table: not the same in
// every run.
uint64_t PlaceOf(const sync::HubAction& action) {
  if (const auto* const send = std::get_if<sync::SendTo>(&action)) return send->connection;
  if (const auto* const close = std::get_if<sync::CloseConnection>(&action)) {
    return close->connection;
  }
  constexpr uint64_t kBehindAll = std::numeric_limits<uint64_t>::max() / 2;
  return kBehindAll + std::get<sync::BarrierEnded>(action).barrier;
}

}  // namespace

bool Caller::MaySee(std::string_view project_id) const {
  return may_verify && (!projects.has_value() || std::find(projects->begin(), projects->end(),
                                                           project_id) != projects->end());
}

AuthorityModel::AuthorityModel(World& world, Oracle& oracle, MachineClock& clock, const Dice& dice,
                               const Options& options, StoreState store)
    : world_(world),
      oracle_(oracle),
      clock_(clock),
      dice_(dice),
      options_(options),
      store_(std::move(store)),
      backup_(store_) {
  TellOracle();
}

void AuthorityModel::Start() {
  ++run_;
  stopping_ = false;
  loop_ended_ = false;
  applied_ = store_.revision;
  loop_free_ = writer_free_ = world_.now();
  timer_ = absl::InfiniteDuration();
  announced_ = absl::ZeroDuration();
  const absl::Duration now = clock_.SinceBoot();
  hub_.emplace(sync::HubOptions{.epoch = store_.epoch,
                                .head = store_.revision,
                                .lease = options_.lease,
                                .ring_capacity = options_.ring_capacity,
                                .started = now,
                                .unknown_leases = store_.longest_lease,
                                .rules = options_.rules});
  hub_->Preload({store_.events.begin(), store_.events.end()});
  unknown_leases_end_ = now + sync::AuthorityLease(store_.longest_lease);
  oracle_.OnAuthorityStarted(clock_.TrueTime(unknown_leases_end_));
  for (const auto& [revision, claim] : std::exchange(unpushed_, {})) PromiseOneLease(claim);
  if (world_.traced()) {
    Trace(fmt::format("starts at revision {}; leases of before may last {}", store_.revision.value,
                      absl::FormatDuration(store_.longest_lease)));
  }
}

void AuthorityModel::Kill() {
  Trace("is killed");
  End();
}

void AuthorityModel::End() {
  ++run_;
  hub_.reset();
  arriving_.clear();
  waiting_.clear();
  for (const auto& [connection, wire] : std::exchange(streams_, {})) wire->Cut();
}

void AuthorityModel::Stop() {
  if (std::exchange(stopping_, true)) return;
  Post([this] { EndLoop(); });
}

void AuthorityModel::EndLoop() {
  hub_->SayGoAway(absl::ZeroDuration(), kGoAwaySpread);
  Execute();
  while (!streams_.empty()) CloseStream(streams_.begin()->first);
  hub_->EndAllBarriers(clock_.SinceBoot());
  Execute();
  loop_ended_ = true;
  const absl::Duration remaining =
      std::max(hub_->LastLeaseEnd() - clock_.SinceBoot(), absl::ZeroDuration());
  Trace(fmt::format("stops; leases may last {}", absl::FormatDuration(remaining)));
  RecordLeases(remaining, /*only_longer=*/false, [this](const Claim&) { End(); });
}

void AuthorityModel::Restore() {
  store_ = backup_;
  (void)dice_.Fill(store_.epoch.bytes);
  // The backup need not know of the leases that were granted since.
  if (options_.restore_expects_leases)
    store_.longest_lease = options_.lease + options_.longest_stale;
  TellOracle();
  Trace("is restored from its backup");
}

void AuthorityModel::StallLoop(absl::Duration duration) {
  loop_free_ = std::max(loop_free_, world_.now() + duration);
}

void AuthorityModel::AfterHere(absl::Duration delay, World::Task task) {
  world_.After(delay, [this, run = run_, task = std::move(task)]() mutable {
    if (run == run_) task();
  });
}

void AuthorityModel::Commit(Mutation mutate, std::vector<size_t> rights, CommitDone done) {
  const absl::Time durable =
      std::max(writer_free_, world_.now()) + dice_.Between(absl::ZeroDuration(), options_.disk);
  const absl::Duration applying = dice_.Chance(0.1)
                                      ? dice_.Spread(absl::Microseconds(1), absl::Milliseconds(50))
                                      : absl::ZeroDuration();
  writer_free_ = durable + applying;
  AfterHere(durable - world_.now(), [this, applying, mutate = std::move(mutate),
                                     rights = std::move(rights), done = std::move(done)]() mutable {
    std::optional<Event> event = mutate(store_);
    Claim claim;
    if (event.has_value()) {
      store_.revision = event->revision;
      store_.events.push_back(*event);
      if (store_.events.size() > options_.history) store_.events.pop_front();
      TellOracle();
    }
    claim = oracle_.Claims(rights, store_.revision);
    if (event.has_value()) {
      unpushed_[event->revision.value] = claim;
      Post([this, event = *std::move(event)] {
        const uint64_t revision = event.revision.value;
        hub_->OnCommitted({event}, clock_.SinceBoot());
        if (auto pushed = unpushed_.extract(revision)) PromiseOneLease(pushed.mapped());
      });
    }
    AfterHere(applying, [this, claim = std::move(claim), done = std::move(done)]() mutable {
      applied_ = claim.revision;
      done(claim);
    });
  });
}

void AuthorityModel::RecordLeases(absl::Duration longest, bool only_longer, CommitDone done) {
  Commit(
      [longest, only_longer](StoreState& store) -> std::optional<Event> {
        const absl::Duration known = store.longest_lease;
        if (known == longest || (only_longer && known > longest)) return std::nullopt;
        store.longest_lease = longest;
        return Event{.revision = store.revision.Next(), .keys = {}, .projects = {}};
      },
      {}, std::move(done));
}

void AuthorityModel::TellOracle() {
  std::array<bool, kKeys> there{};
  for (size_t key = 0; key < kKeys; ++key) there[key] = store_.keys[key].issued;
  oracle_.OnState(store_.epoch, store_.revision, AllowedRights(store_), there);
}

// What is pushed by now, nobody trusts any more when the leases of now are over: those that come
// later come behind it.
void AuthorityModel::PromiseOneLease(const Claim& claim) {
  if (claim.parts.empty()) return;
  world_.After(options_.lease + options_.longest_stale,
               [this, claim] { oracle_.Promise(claim, Property::kOneLease); });
}

void AuthorityModel::Submit(const Change& change) {
  if (!up()) return;
  const absl::Duration deadline = clock_.SinceBoot() + change.deadline;
  Commit(
      [this, change](StoreState& store) -> std::optional<Event> {
        std::optional<Event> event = Apply(change, store);
        if (event.has_value() && world_.traced()) {
          Trace(fmt::format("commits {}: {}", event->revision.value, change.Describe()));
        }
        return event;
      },
      change.Restricted(),
      [this, change, deadline](const Claim& claim) {
        if (!change.restricts() || !change.strict) return;
        Post([this, claim, change, deadline] { Await(claim, change.project_id(), deadline); });
      });
}

void AuthorityModel::Verify(const Caller& caller, size_t key, ReplyCallback reply) {
  if (!up()) return reply({.status = absl::UnavailableError("down")});
  if (!caller.may_verify) return reply({.status = absl::PermissionDeniedError("not any more")});
  // First the revision, then the record (I3).
  const Revision applied = applied_;
  const absl::Duration between = dice_.Chance(0.2)
                                     ? dice_.Spread(absl::Microseconds(1), absl::Milliseconds(50))
                                     : absl::ZeroDuration();
  AfterHere(between, [this, applied, &caller, key, reply = std::move(reply)]() mutable {
    VerifyReply out{.reflects = {store_.epoch, applied}};
    const SimKey& known = Keys()[key];
    if (caller.MaySee(ProjectIds()[known.project])) out.code = CodeOf(store_, key, clock_.Now());
    if (out.code == VerifyCode::kValid) {
      out.grant = store_.keys[key].may_write ? known.writer : known.reader;
      out.expires_in = store_.keys[key].expire_time - clock_.Now();
    }
    reply(out);
  });
}

void AuthorityModel::Post(World::Task task) {
  if (loop_ended_) return;
  loop_free_ = std::max(loop_free_, world_.now()) +
               dice_.Spread(absl::Microseconds(1), absl::Milliseconds(dice_.Chance(0.05) ? 50 : 1));
  AfterHere(loop_free_ - world_.now(), [this, task = std::move(task)]() mutable {
    if (!loop_ended_) Run(task);
  });
}

void AuthorityModel::Run(World::Task& task) {
  task();
  if (loop_ended_) return;
  Execute();
  const absl::Duration now = clock_.SinceBoot();
  if (hub_->NextTimer() <= now) {
    hub_->OnTimer(now);
    Execute();
  }
  ArmTimer();
}

void AuthorityModel::ArmTimer() {
  const absl::Duration next = hub_->NextTimer();
  if (next == timer_) return;
  timer_ = next;
  if (next == absl::InfiniteDuration()) return;
  const absl::Duration late = dice_.Spread(absl::Microseconds(1), absl::Milliseconds(20));
  const absl::Time at = std::max(clock_.TrueTime(next), world_.now()) + late;
  AfterHere(at - world_.now(), [this, next] {
    if (timer_ != next) return;
    timer_ = absl::InfiniteDuration();
    Post([] {});
  });
}

void AuthorityModel::Execute() {
  std::vector<sync::HubAction> actions = hub_->TakeActions();
  std::stable_sort(actions.begin(), actions.end(),
                   [](const auto& a, const auto& b) { return PlaceOf(a) < PlaceOf(b); });
  bool granted = false;
  for (const sync::HubAction& action : actions) {
    if (const auto* const send = std::get_if<sync::SendTo>(&action)) {
      granted |= std::holds_alternative<sync::Grant>(send->message);
      Send(send->connection, send->message);
    } else if (const auto* const close = std::get_if<sync::CloseConnection>(&action)) {
      CloseStream(close->connection);
    } else {
      OnBarrierEnded(std::get<sync::BarrierEnded>(action));
    }
  }
  if (!granted) return;
  const absl::Duration now = clock_.SinceBoot();
  for (const sync::SessionInfo& session : hub_->Sessions(now)) {
    oracle_.OnLeaseGiven(session.id, clock_.TrueTime(now + session.lease_left));
  }
}

void AuthorityModel::Send(uint64_t connection, const sync::FromAuthority& message) {
  const auto stream = streams_.find(connection);
  if (stream == streams_.end()) return;
  oracle_.OnSent(message);
  stream->second->SendDown(message);
}

void AuthorityModel::OnMessage(const std::shared_ptr<Wire>& wire, const Caller& caller,
                               const sync::FromVerifier& message) {
  if (!up() || loop_ended_) return wire->Cut();
  if (const auto* const hello = std::get_if<sync::Hello>(&message)) {
    if (!caller.may_verify) return wire->CloseByAuthority();
    wire->connection = ++last_connection_;
    Post([this, wire, hello = *hello, filter = FilterOf(caller, hello->project_ids)] {
      arriving_.insert(*wire->connection);
      const absl::Duration longest = options_.lease + hello.stale_on_error;
      if (longest <= announced_) return Admit(wire, hello, filter);
      RecordLeases(longest, /*only_longer=*/true, [=, this](const Claim&) {
        Post([=, this] {
          announced_ = std::max(announced_, longest);
          Admit(wire, hello, filter);
        });
      });
    });
  } else if (wire->connection.has_value()) {
    Post([this, &caller, connection = *wire->connection, beat = std::get<sync::Beat>(message)] {
      OnBeat(connection, caller, beat);
    });
  }
}

void AuthorityModel::Admit(const std::shared_ptr<Wire>& wire, const sync::Hello& hello,
                           const sync::ProjectFilter& filter) {
  if (arriving_.erase(*wire->connection) == 0) return;  // closed meanwhile
  streams_[*wire->connection] = wire;
  hub_->OnHello(*wire->connection, hello, filter, clock_.SinceBoot());
}

void AuthorityModel::OnBeat(uint64_t connection, const Caller& caller, const sync::Beat& beat) {
  if (!caller.may_verify) {
    hub_->OnClosed(connection);
    CloseStream(connection);
  }
  hub_->OnBeat(connection, beat, clock_.SinceBoot());
}

void AuthorityModel::OnClosed(const std::shared_ptr<Wire>& wire) {
  if (!up() || !wire->connection.has_value()) return;
  Post([this, connection = *wire->connection] {
    arriving_.erase(connection);
    hub_->OnClosed(connection);
    streams_.erase(connection);
  });
}

void AuthorityModel::CloseStream(uint64_t connection) {
  const auto stream = streams_.find(connection);
  if (stream == streams_.end()) return;
  stream->second->CloseByAuthority();
  streams_.erase(stream);
}

void AuthorityModel::Await(const Claim& claim, const std::string& project_id,
                           absl::Duration deadline) {
  const absl::Duration now = clock_.SinceBoot();
  const uint64_t barrier = ++last_barrier_;
  waiting_[barrier] = claim;
  if (now < unknown_leases_end_) oracle_.Add(Count::kWaitsForUnknownLeases);
  // The leases that there are, and one that an acknowledgement on its way may earn.
  const absl::Duration longest = std::max(hub_->LastLeaseEnd() - now, absl::ZeroDuration()) +
                                 sync::AuthorityLease(options_.lease + options_.longest_stale) +
                                 kLoopSlack;
  hub_->AddBarrier(barrier, claim.revision, project_id, deadline, now);
  AfterHere(clock_.TrueTime(now + longest) - world_.now(), [this, barrier, longest] {
    if (!waiting_.contains(barrier) || loop_ended_) return;
    oracle_.Violated(Property::kWait, fmt::format("barrier {} is still open after {}", barrier,
                                                  absl::FormatDuration(longest)));
  });
}

void AuthorityModel::OnBarrierEnded(const sync::BarrierEnded& ended) {
  const Claim claim = std::move(waiting_.extract(ended.barrier).mapped());
  const sync::BarrierReport& report = ended.report;
  if (world_.traced()) {
    Trace(fmt::format("barrier for {} ends: {} acked, {} expired, {} pending; safe in {}",
                      claim.revision.value, report.acked_sessions, report.expired_sessions,
                      report.pending_sessions, absl::FormatDuration(report.safe_in)));
  }
  switch (report.outcome) {
    case sync::BarrierOutcome::kAllAcked:
      oracle_.Add(Count::kAllAcked);
      return oracle_.Promise(claim, Property::kStrict);
    case sync::BarrierOutcome::kLeasesExpired:
      oracle_.Add(Count::kLeasesExpired);
      return oracle_.Promise(claim, Property::kStrict);
    case sync::BarrierOutcome::kPending:
      oracle_.Add(Count::kPending);
      world_.At(clock_.TrueTime(clock_.SinceBoot() + report.safe_in),
                [this, claim] { oracle_.Promise(claim, Property::kSafeIn); });
  }
}

void AuthorityModel::Trace(std::string_view what) const {
  if (world_.traced()) world_.Trace("authority", what);
}

}  // namespace claviger::simulation
