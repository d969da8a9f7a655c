#include "tests/simulation/verifier_model.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "fmt/format.h"

namespace claviger::simulation {
namespace {

// More than there are keys: what the product throws out when its cache is full depends on the
// seeds of hash tables, which are not ours.
constexpr client::GrantCache::Limits kCacheLimits{.max_entries = 64, .max_bytes = 1 << 20};
constexpr size_t kNegativeCapacity = 256;
// NegativeCache::kMaxAge by the slowest clock.
constexpr absl::Duration kNotFoundAtMost = absl::Milliseconds(2'050);

sync::SessionId NewSession(Dice& dice) {
  sync::SessionId id;
  (void)dice.Fill(id);
  return id;
}

size_t NumberOf(const KeyId& id) {
  const auto& keys = Keys();
  return std::find_if(keys.begin(), keys.end(), [&](const SimKey& key) { return key.id == id; }) -
         keys.begin();
}

std::string Describe(const sync::FromAuthority& message) {
  struct Describer {
    std::string operator()(const sync::Welcome& welcome) const {
      return fmt::format("Welcome, {}, head {}", welcome.resumed ? "resumed" : "reset",
                         welcome.head_revision.value);
    }
    std::string operator()(const sync::Invalidation& invalidation) const {
      return fmt::format("Invalidation {} to {}, {} items", invalidation.previous_revision.value,
                         invalidation.to_revision.value, invalidation.items.size());
    }
    std::string operator()(const sync::Grant& grant) const {
      return fmt::format("Grant for beat {}, up to {}", grant.beat_id, grant.up_to_revision.value);
    }
    std::string operator()(const sync::Reset& reset) const {
      return fmt::format("Reset to {}", reset.to_revision.value);
    }
    std::string operator()(const sync::GoAway&) const { return "GoAway"; }
  };
  return std::visit(Describer(), message);
}

}  // namespace

absl::Duration VerifierProcess::InterruptedClock::SinceBoot() const {
  const absl::Duration shown = process_.env_.clock.SinceBoot();
  process_.Interrupt();
  return shown;
}

// The sending end of a connection; who listens at the other end knows by `open_` whether it is
// still there.
class VerifierProcess::Stream final : public client::SyncStream {
 public:
  Stream(VerifierProcess& process, std::shared_ptr<Wire> wire, std::shared_ptr<bool> open)
      : process_(process), wire_(std::move(wire)), open_(std::move(open)) {}
  ~Stream() override {
    *open_ = false;
    wire_->CloseByVerifier();
  }

  // Never asked for: nobody leaves in peace here.
  void EndSending() override {}
  void Send(const sync::FromVerifier& message) override {
    if (process_.dead_) return;
    if (const auto* const beat = std::get_if<sync::Beat>(&message);
        beat != nullptr && process_.env_.world.traced()) {
      process_.env_.world.Trace(
          process_.env_.name,
          fmt::format("sends beat {}, at {}", beat->beat_id, beat->acked_revision.value));
    }
    wire_->SendUp(message);
    process_.Interrupt();
  }

 private:
  VerifierProcess& process_;
  const std::shared_ptr<Wire> wire_;
  const std::shared_ptr<bool> open_;
};

VerifierProcess::VerifierProcess(const Options& options, const Surroundings& surroundings,
                                 const Dice& dice)
    : options_(options),
      env_(surroundings),
      dice_(dice),
      session_(NewSession(dice_)),
      clock_(*this),
      view_(options.stale_on_error),
      grants_(kCacheLimits),
      negatives_(kNegativeCapacity),
      fence_(view_, grants_, negatives_, options.rules),
      flights_(options.rules),
      driver_({.session_id = session_,
               .project_ids = options.project_ids,
               .stale_on_error = options.stale_on_error,
               .client = env_.name},
              {.opener = *this,
               .scheduler = *this,
               .clock = clock_,
               .random = dice_,
               .view = view_,
               .fence = fence_,
               .observer = this},
              options.rules),
      engine_({.check_timeout = options.check_timeout, .project_ids = options.project_ids},
              {.clock = clock_,
               .view = view_,
               .grants = grants_,
               .negatives = negatives_,
               .foreign = foreign_,
               .fence = fence_,
               .flights = flights_,
               .authority = *this,
               .observer = this}) {}

VerifierProcess::~VerifierProcess() {
  dead_ = true;
  engine_.Close();
  driver_.Stop();
  calls_.clear();
}

void VerifierProcess::Start() {
  OnThread([this] { driver_.Start(); });
}

void VerifierProcess::Kill() {
  dead_ = true;
  if (const std::shared_ptr<Wire> wire = wire_.lock()) wire->CloseByVerifier();
}

void VerifierProcess::Stall(absl::Duration duration) {
  stalled_until_ = std::max(stalled_until_, env_.world.now() + duration);
  env_.world.At(stalled_until_, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->RunThread();
  });
}

void VerifierProcess::Saw(Count count) {
  if (dead_) return;
  env_.oracle.Add(count);
  Interrupt();
}

void VerifierProcess::OnLeaseGained() {
  if (dead_) return;
  env_.on_lease_gained();
  Interrupt();
}

void VerifierProcess::Interrupt() {
  if (dead_ || !dice_.Chance(options_.interruptions)) return;
  CheckCall* const interrupted = std::exchange(checking_, nullptr);
  env_.world.StandStill(dice_.Spread(absl::Microseconds(1), absl::Seconds(1)));
  checking_ = interrupted;
}

void VerifierProcess::OnThread(World::Task task) {
  thread_tasks_.push_back(std::move(task));
  RunThread();
}

void VerifierProcess::RunThread() {
  const std::shared_ptr<VerifierProcess> self = shared_from_this();
  while (!busy_ && !dead_ && !thread_tasks_.empty() && env_.world.now() >= stalled_until_) {
    busy_ = true;
    World::Task task = std::move(thread_tasks_.front());
    thread_tasks_.pop_front();
    task();
    if (!dead_) Observe();
    busy_ = false;
  }
}

void VerifierProcess::Observe() {
  const client::JoinPoint here = fence_.Here(env_.clock.SinceBoot());
  if (here.epoch == epoch_ && here.position < position_) {
    env_.oracle.Violated(Property::kPosition, fmt::format("{} went from {} back to {}", env_.name,
                                                          position_.value, here.position.value));
  }
  epoch_ = here.epoch;
  position_ = here.position;
  const absl::Duration end = view_.lease_end();
  if (end > lease_end_) {
    const absl::Duration trusted_until = end + sync::VerifierLease(options_.stale_on_error);
    env_.oracle.OnLeaseTaken(session_, env_.clock.TrueTime(trusted_until));
  }
  lease_end_ = end;
}

std::unique_ptr<client::SyncStream> VerifierProcess::Open(client::ConnectionId connection,
                                                          client::SyncStreamHandler& handler) {
  const auto open = std::make_shared<bool>(true);
  // Runs `task` on the client's thread, unless the stream is closed by then.
  const auto post = [this, weak = weak_from_this(), open](World::Task task) {
    const auto self = weak.lock();
    if (self == nullptr || dead_) return;
    OnThread([open, task = std::move(task)]() mutable {
      if (*open) task();
    });
  };
  const auto disconnected = [post, connection, &handler] {
    post([connection, &handler] {
      handler.OnDisconnected(connection, absl::UnavailableError("closed"));
    });
  };
  Wire::VerifierEnd mine{
      .on_message =
          [this, post, connection, &handler](const sync::FromAuthority& message) {
            post([this, connection, &handler, message] {
              CheckFollows(message);
              handler.OnMessage(connection, message);
            });
          },
      .on_closed = disconnected};
  Wire::AuthorityEnd theirs{
      .on_message =
          [&authority = env_.authority, &caller = env_.caller](const std::shared_ptr<Wire>& wire,
                                                               const sync::FromVerifier& message) {
            authority.OnMessage(wire, caller, message);
          },
      .on_closed = [&authority = env_.authority](
                       const std::shared_ptr<Wire>& wire) { authority.OnClosed(wire); }};
  std::shared_ptr<Wire> wire = Wire::Make(env_.path, std::move(mine), std::move(theirs));
  wire_ = wire;
  if (env_.path.broken() || !env_.authority.up()) {
    // Refused, or no answer at all.
    if (dice_.Chance(0.7)) env_.world.After(env_.path.Delay(), disconnected);
  } else {
    env_.world.After(env_.path.Delay(), [post, connection, &handler] {
      post([connection, &handler] { handler.OnConnected(connection); });
    });
  }
  return std::make_unique<Stream>(*this, std::move(wire), open);
}

client::Scheduler::TaskId VerifierProcess::CallAt(absl::Duration at, Task task) {
  const TaskId id = ++last_task_;
  tasks_.emplace(id, std::move(task));
  const absl::Duration late = dice_.Spread(
      absl::Microseconds(1), dice_.Chance(0.02) ? absl::Seconds(1) : absl::Milliseconds(5));
  env_.world.At(std::max(env_.clock.TrueTime(at), env_.world.now()) + late,
                [weak = weak_from_this(), id] {
                  const auto self = weak.lock();
                  if (self == nullptr || self->dead_) return;
                  self->OnThread([process = self.get(), id] {
                    auto due = process->tasks_.extract(id);
                    if (!due.empty()) due.mapped()();
                  });
                });
  return id;
}

void VerifierProcess::Ask(const client::AskedKey& asked, absl::Duration deadline,
                          client::AnswerCallback callback) {
  if (checking_ != nullptr) {
    checking_->asked = true;
  } else {
    env_.oracle.Add(Count::kJoinedAndRefused);
  }
  const uint64_t call = ++last_call_;
  const size_t key = NumberOf(asked.id);
  calls_.emplace(call, VerifyCall{key, env_.clock.SinceBoot(), std::move(callback)});
  // Runs on the client's thread, where the process is still there.
  const auto answer = [weak = weak_from_this(), call](const VerifyReply& reply) {
    const auto self = weak.lock();
    if (self == nullptr || self->dead_ || !self->calls_.contains(call)) return;
    self->OnThread([process = self.get(), call, reply] { process->OnAnswer(call, reply); });
  };
  env_.world.At(env_.clock.TrueTime(deadline),
                [answer] { answer({.status = absl::DeadlineExceededError("too late")}); });
  if (env_.path.broken()) {
    if (dice_.Chance(0.5)) {
      env_.world.After(env_.path.Delay(),
                       [answer] { answer({.status = absl::UnavailableError("no way")}); });
    }
  } else {
    const Surroundings& env = env_;
    env_.world.After(env_.path.Delay(), [&world = env.world, &authority = env.authority,
                                         &path = env.path, &caller = env.caller, key, answer] {
      if (path.broken()) return;
      authority.Verify(caller, key, [&world, &path, answer](const VerifyReply& reply) {
        world.After(path.Delay(), [&path, answer, reply] {
          if (!path.broken()) answer(reply);
        });
      });
    });
  }
  Interrupt();
}

void VerifierProcess::OnAnswer(uint64_t call, const VerifyReply& reply) {
  auto ended = calls_.extract(call);
  if (ended.empty()) return;  // it was too late already
  const VerifyCall& asked = ended.mapped();
  const client::AuthorityAnswer answer{.answer = {.status = reply.status,
                                                  .reflects = reply.reflects,
                                                  .code = reply.code,
                                                  .grant = reply.grant,
                                                  .end_of_life = asked.asked_at + reply.expires_in},
                                       .asked_at = asked.asked_at};
  if (reply.status.ok() && reply.grant != nullptr) {
    const client::JoinPoint here = fence_.Here(env_.clock.SinceBoot());
    if (reply.reflects.epoch == here.epoch && reply.reflects.revision < here.position) {
      env_.oracle.Add(Count::kRefusedByTheFence);
    } else if (!client::Tells(here.projects, reply.grant->project_id)) {
      env_.oracle.Add(Count::kRefusedForTheProject);
    }
  }
  ended.mapped().callback(answer);
}

void VerifierProcess::Check(size_t right) {
  static constexpr std::string_view kRead[] = {"read"};
  static constexpr std::string_view kWrite[] = {"write"};
  const std::shared_ptr<VerifierProcess> self = shared_from_this();
  const Oracle::Check check = env_.oracle.OnCheckBegun(right);
  const uint64_t known = KnownIssue(KeyOf(right));
  const auto call = std::make_shared<CheckCall>();
  CheckCall* const outer = std::exchange(checking_, call.get());
  engine_.CheckAsync(Keys()[KeyOf(right)].text,
                     {.required_scopes = IsWrite(right) ? kWrite : kRead},
                     [this, check, known, call](Decision decision) {
                       call->decided = true;
                       if (!dead_) OnDecision(check, known, decision);
                     });
  checking_ = outer;
  if (!call->asked && !call->decided) env_.oracle.Add(Count::kJoined);
}

void VerifierProcess::OnDecision(const Oracle::Check& check, uint64_t known,
                                 const Decision& decision) {
  env_.world.Remember(static_cast<uint64_t>(decision.code()) << 8 | check.right);
  if (env_.world.traced()) {
    env_.world.Trace(env_.name, fmt::format("check of right {} of key {}: {}{}", check.right % 2,
                                            KeyOf(check.right), DecisionCodeName(decision.code()),
                                            decision.from_cache() ? ", from the cache" : ""));
  }
  if (decision.valid()) return env_.oracle.OnAccepted(check, env_.name);
  if (decision.code() == DecisionCode::kExpired) env_.oracle.Add(Count::kExpired);
  if (decision.code() != DecisionCode::kNotFound || !decision.from_cache()) return;
  env_.oracle.Add(Count::kNotFoundFromCache);
  if (known != 0 && known == KnownIssue(KeyOf(check.right)) && check.begun > env_.caller.changed) {
    env_.oracle.Violated(Property::kIssued,
                         fmt::format("{} does not know key {}", env_.name, KeyOf(check.right)));
  }
}

uint64_t VerifierProcess::KnownIssue(size_t key) const {
  const std::string& project = ProjectIds()[Keys()[key].project];
  const client::JoinPoint here = fence_.Here(env_.clock.SinceBoot());
  const bool counts = client::Tells(here.projects, project) && env_.caller.MaySee(project) &&
                      env_.world.now() > env_.caller.changed + kNotFoundAtMost;
  return counts ? env_.oracle.KnownIssue(key, here.epoch, here.position) : 0;
}

void VerifierProcess::CheckFollows(const sync::FromAuthority& message) {
  if (env_.world.traced()) env_.world.Trace(env_.name, "reads " + Describe(message));
  const auto* const invalidation = std::get_if<sync::Invalidation>(&message);
  if (invalidation == nullptr || invalidation->previous_revision == fence_.position()) return;
  env_.oracle.Violated(Property::kNoGap,
                       fmt::format("{} is at {} and was told what follows {}", env_.name,
                                   fence_.position().value, invalidation->previous_revision.value));
}

}  // namespace claviger::simulation
