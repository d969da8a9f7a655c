#include "server/sync/sync_loop.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/key_record.h"
#include "core/status.h"
#include "server/logging/log.h"
#include "storage/numbered_change.h"

namespace claviger::sync {
namespace {

constexpr absl::Duration kReportInterval = absl::Seconds(1);
constexpr absl::Duration kGoAwaySpread = absl::Seconds(2);
// Changes of a caller's key are looked at when they happen; this is for its expiry and for
// certificates. Below the interval of beats, so that each lease is preceded by a look.
constexpr absl::Duration kOwnerCheckInterval = absl::Milliseconds(100);

absl::Status ShuttingDown() {
  return ErrorBuilder(absl::StatusCode::kUnavailable, Reason::kShuttingDown)
      .Build("the server is stopping; connect again");
}

// A session's acknowledgements end waits for what its verifier holds.
absl::Status NotYourSession() {
  return ErrorBuilder(absl::StatusCode::kInvalidArgument, Reason::kFieldInvalid)
      .Field("hello.session_id", "must be random, and of this process's own making")
      .Build("hello.session_id: is another caller's; must be 16 random bytes of one's own making");
}

absl::Status StatusOf(CloseReason why) {
  switch (why) {
    case CloseReason::kReplaced:
      return absl::AbortedError("the same session connected again");
    case CloseReason::kProtocolError:
      return ErrorBuilder(absl::StatusCode::kInvalidArgument, Reason::kFieldInvalid)
          .Field("beat.acked_revision", "must be a revision that this stream was told")
          .Build("beat.acked_revision: must be a revision that this stream was told");
  }
  return absl::InternalError("unknown reason");
}

}  // namespace

SyncLoop::SyncLoop(SyncLoopOptions options, const Clock& clock, SyncObserver& observer)
    : options_(std::move(options)), clock_(clock), observer_(observer), hub_(options_.hub) {
  hub_.Preload(options_.history);
  thread_ = std::thread([this] { Loop(); });
}

SyncLoop::~SyncLoop() { Stop(); }

bool SyncLoop::Post(Task task) {
  absl::MutexLock lock(&mutex_);
  if (ended_) return false;
  tasks_.push_back(std::move(task));
  return true;
}

bool SyncLoop::RunOrPost(Task task) {
  std::vector<Task> tasks;
  {
    absl::MutexLock lock(&mutex_);
    if (ended_) return false;
    tasks_.push_back(std::move(task));
    if (taken_ || tasks_.size() > kMaxTasksInPassing) return true;
    taken_ = true;
    tasks = std::exchange(tasks_, {});
  }
  RunTasks(std::move(tasks));
  Yield();
  return true;
}

void SyncLoop::Yield() {
  const absl::Duration next_look = std::min(hub_.NextTimer(), next_report_);
  absl::MutexLock lock(&mutex_);
  next_look_ = next_look;
  taken_ = false;
}

void SyncLoop::Loop() {
  bool stopping = false;
  while (!stopping) {
    std::vector<Task> tasks;
    {
      absl::MutexLock lock(&mutex_);
      asleep_until_ = next_look_;
      mutex_.AwaitWithTimeout(absl::Condition(this, &SyncLoop::IsDue),
                              asleep_until_ - clock_.SinceBoot());
      mutex_.Await(absl::Condition(this, &SyncLoop::IsFree));
      taken_ = true;
      stopping = stopping_;
      tasks = std::exchange(tasks_, {});
    }
    RunTasks(std::move(tasks));
    const absl::Duration now = clock_.SinceBoot();
    if (hub_.NextTimer() <= now) {
      hub_.OnTimer(now);
      Execute();
    }
    if (next_report_ <= now) {
      Report();
      next_report_ = now + kReportInterval;
    }
    if (!stopping) Yield();
  }
  std::vector<Task> rest;
  {
    absl::MutexLock lock(&mutex_);
    ended_ = true;
    rest = std::exchange(tasks_, {});
  }
  RunTasks(std::move(rest));
  EndAll();
}

void SyncLoop::RunTasks(std::vector<Task> tasks) {
  for (Task& task : tasks) {
    task();
    Execute();
  }
}

void SyncLoop::EndAll() {
  hub_.SayGoAway(absl::ZeroDuration(), kGoAwaySpread);
  Execute();
  while (!streams_.empty()) CloseStream(streams_.begin()->first, ShuttingDown());
  hub_.EndAllBarriers(clock_.SinceBoot());
  Execute();
}

void SyncLoop::OnHello(ConnectionId connection, std::shared_ptr<SyncStream> stream,
                       StreamOwner owner, Hello hello, ProjectFilter filter) {
  const std::shared_ptr<SyncStream> refused = stream;
  const bool posted = Post([this, connection, stream = Stream{std::move(stream), std::move(owner)},
                            hello = std::move(hello), filter = std::move(filter)]() mutable {
    arriving_.try_emplace(connection);
    const absl::Duration longest = options_.hub.lease + hello.stale_on_error;
    if (longest <= announced_) {
      Admit(connection, std::move(stream), hello, std::move(filter));
      return;
    }
    // No lease may be granted that a restarted server would not know of.
    options_.announce_lease(
        longest, [this, longest, connection, stream = std::move(stream), hello = std::move(hello),
                  filter = std::move(filter)](const absl::Status& durable) {
          Post([this, longest, connection, stream, hello, filter, durable] {
            if (!durable.ok()) {
              stream.stream->Close(durable);
              return;
            }
            announced_ = std::max(announced_, longest);
            Admit(connection, stream, hello, filter);
          });
        });
  });
  if (!posted) refused->Close(ShuttingDown());
}

void SyncLoop::Admit(ConnectionId connection, Stream stream, const Hello& hello,
                     ProjectFilter filter) {
  const auto arrived = arriving_.extract(connection);
  if (arrived.empty()) return;  // closed meanwhile
  const auto known = owners_.find(hello.session_id);
  if (known != owners_.end() && known->second.caller != stream.owner.caller) {
    stream.stream->Close(NotYourSession());
    return;
  }
  if (hello.epoch == options_.hub.epoch && hello.resume_revision > hub_.head()) {
    log::Error(
        "a verifier knows of changes that this store does not have: is it an older copy? "
        "Then start once with --accept-older-state",
        {{"caller", stream.owner.caller},
         {"verifier_revision", std::to_string(hello.resume_revision.value)},
         {"store_revision", std::to_string(hub_.head().value)}});
  }
  owners_[hello.session_id] = {.caller = stream.owner.caller, .peer = stream.owner.peer};
  streams_[connection] = std::move(stream);
  const bool resumed = hub_.OnHello(connection, hello, std::move(filter), clock_.SinceBoot());
  const std::optional<Beat>& early = arrived.mapped();
  if (!early.has_value()) return;
  // It was sent before its Welcome was, and so is no word about a flush that this one asks for,
  // whatever position it names: a barrier would pass by a cache that is still as it was. Without an
  // acknowledgement it could earn nothing. What nobody was told is a lie all the same.
  if (resumed || early->acked_revision > hub_.head()) {
    hub_.OnBeat(connection, *early, clock_.SinceBoot());
  }
}

void SyncLoop::OnBeat(ConnectionId connection, Beat beat) {
  RunOrPost([this, connection, beat] {
    if (const auto it = arriving_.find(connection); it != arriving_.end()) {
      it->second = beat;  // which says all that one before it said
      return;
    }
    CheckOwnerIfDue(connection);
    hub_.OnBeat(connection, beat, clock_.SinceBoot());
  });
}

void SyncLoop::OnClosed(ConnectionId connection) {
  Post([this, connection] {
    arriving_.erase(connection);
    hub_.OnClosed(connection);
    streams_.erase(connection);
  });
}

void SyncLoop::CheckOwnerIfDue(ConnectionId connection) {
  const auto it = streams_.find(connection);
  if (it == streams_.end() || clock_.SinceBoot() < it->second.next_owner_check) return;
  CheckOwner(connection);
}

void SyncLoop::CheckOwner(ConnectionId connection) {
  const auto it = streams_.find(connection);
  if (it == streams_.end()) return;
  it->second.next_owner_check = clock_.SinceBoot() + kOwnerCheckInterval;
  const absl::Status allowed = it->second.owner.still_allowed();
  // A store that cannot tell is no reason to cut off; what is revoked is pushed all the same.
  if (allowed.ok() || absl::IsUnavailable(allowed)) return;
  hub_.OnClosed(connection);
  CloseStream(connection, allowed);
}

void SyncLoop::Await(Revision revision, std::string project_id, absl::Duration deadline,
                     BarrierDone done) {
  auto waiter = std::make_shared<BarrierDone>(std::move(done));
  const bool posted = Post([this, revision, project_id = std::move(project_id), deadline, waiter] {
    const uint64_t barrier = next_barrier_++;
    waiting_.emplace(barrier, std::move(*waiter));
    hub_.AddBarrier(barrier, revision, project_id, deadline, clock_.SinceBoot());
  });
  if (posted) return;
  // Nobody gets a new lease any more: what is out there ends within the longest one.
  (*waiter)({.revision = revision,
             .outcome = BarrierOutcome::kPending,
             .safe_in = AuthorityLease(options_.hub.lease + options_.max_stale_on_error)});
}

void SyncLoop::ListSessions(absl::AnyInvocable<void(const SessionList&)> done) {
  auto waiter = std::make_shared<absl::AnyInvocable<void(const SessionList&)>>(std::move(done));
  if (!Post([this, waiter] { (*waiter)(List()); })) (*waiter)(SessionList{});
}

void SyncLoop::OnCommitted(std::span<const Committed> batch) {
  std::vector<Event> events;
  std::vector<KeyId> management_keys;
  for (const Committed& committed : batch) {
    events.push_back(EventOf(committed));
    for (const auto& key : committed.keys) {
      if (key->project_id == kManagementProject) management_keys.push_back(key->id);
    }
  }
  Post([this, events = std::move(events), management_keys = std::move(management_keys)]() mutable {
    Apply(std::move(events), management_keys);
  });
}

void SyncLoop::Apply(std::vector<Event> events, const std::vector<KeyId>& management_keys) {
  hub_.OnCommitted(std::move(events), clock_.SinceBoot());
  if (management_keys.empty()) return;
  std::vector<ConnectionId> concerned;
  for (const auto& [connection, stream] : streams_) {
    const std::optional<KeyId>& caller = stream.owner.key_id;
    if (caller.has_value() && std::find(management_keys.begin(), management_keys.end(), *caller) !=
                                  management_keys.end()) {
      concerned.push_back(connection);
    }
  }
  for (const ConnectionId connection : concerned) CheckOwner(connection);
}

void SyncLoop::Execute() {
  for (HubAction& action : hub_.TakeActions()) {
    if (const auto* send = std::get_if<SendTo>(&action)) {
      const auto it = streams_.find(send->connection);
      if (it != streams_.end()) it->second.stream->Send(send->message);
    } else if (const auto* close = std::get_if<CloseConnection>(&action)) {
      CloseStream(close->connection, StatusOf(close->why));
    } else if (const auto* ended = std::get_if<BarrierEnded>(&action)) {
      const auto it = waiting_.find(ended->barrier);
      BarrierDone done = std::move(it->second);
      waiting_.erase(it);
      observer_.OnBarrier(ended->report);
      done(ended->report);
    }
  }
}

void SyncLoop::CloseStream(ConnectionId connection, const absl::Status& status) {
  const auto it = streams_.find(connection);
  if (it == streams_.end()) return;
  it->second.stream->Close(status);
  streams_.erase(it);
}

SessionList SyncLoop::List() const {
  SessionList list{.sessions = {}, .head = hub_.head()};
  for (SessionInfo& info : hub_.Sessions(clock_.SinceBoot())) {
    const auto owner = owners_.find(info.id);
    OwnedSession session{.info = std::move(info), .caller = {}, .peer = {}};
    if (owner != owners_.end()) {
      session.caller = owner->second.caller;
      session.peer = owner->second.peer;
    }
    list.sessions.push_back(std::move(session));
  }
  return list;
}

void SyncLoop::Report() {
  const SessionList list = List();
  // Owners of sessions that the hub has forgotten.
  absl::flat_hash_map<SessionId, SessionOwner> remembered;
  for (const OwnedSession& session : list.sessions) {
    const auto it = owners_.find(session.info.id);
    if (it != owners_.end()) remembered.insert(*it);
  }
  owners_ = std::move(remembered);
  observer_.OnState(hub_.counters(), list);
}

absl::Duration SyncLoop::Stop() {
  if (!stopped_.exchange(true)) {
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
    }
    thread_.join();
  }
  return hub_.LastLeaseEnd() - clock_.SinceBoot();
}

}  // namespace claviger::sync
