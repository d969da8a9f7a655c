#include "tests/history/faults.h"

#include <algorithm>

#include "tests/support/interrupt.h"

namespace claviger::history {
namespace {

constexpr absl::Duration kStorm = absl::Seconds(3);
constexpr absl::Duration kCalm = absl::Seconds(2);
constexpr absl::Duration kMaxGap = absl::Milliseconds(300);

// How long a fault lasts: within a lease of one second, or beyond it. The shorter ones are as many.
constexpr absl::Duration kShortest = absl::Milliseconds(20);
constexpr absl::Duration kShort = absl::Milliseconds(700);
constexpr absl::Duration kLong = absl::Milliseconds(1200);
constexpr absl::Duration kLongest = absl::Milliseconds(2500);
// While the server is away all wait for it, so it is not away for long.
constexpr absl::Duration kServerLongest = absl::Milliseconds(1500);

constexpr absl::Duration kMinDelay = absl::Milliseconds(1);
constexpr absl::Duration kMaxDelay = absl::Milliseconds(400);

bool HitsServer(Fault fault) {
  return fault == Fault::kFreezeServer || fault == Fault::kKillServer;
}

bool HitsProcess(Fault fault) {
  return HitsServer(fault) || fault == Fault::kFreezeClient || fault == Fault::kKillClient;
}

// Whether it is done with when it has happened.
bool IsInstant(Fault fault) {
  return fault == Fault::kCut || fault == Fault::kHalfCloseToServer ||
         fault == Fault::kHalfCloseToClient;
}

}  // namespace

std::string_view FaultName(Fault fault) {
  static constexpr std::array<std::string_view, kFaultKinds> kNames = {"cut",
                                                                       "refused",
                                                                       "stalled",
                                                                       "delayed",
                                                                       "half-closed to server",
                                                                       "half-closed to client",
                                                                       "client frozen",
                                                                       "client killed",
                                                                       "server frozen",
                                                                       "server killed"};
  return kNames[static_cast<size_t>(fault)];
}

Faults::Faults(Cluster& cluster, const Clock& clock, const FaultMix& mix, uint64_t seed)
    : cluster_(cluster), clock_(clock), mix_(mix), started_(clock.SinceBoot()), random_(seed) {}

absl::Status Faults::Run(absl::Duration duration) {
  const absl::Duration end = clock_.SinceBoot() + duration;
  absl::Duration next_fault = clock_.SinceBoot();
  for (;;) {
    absl::Duration until = std::min(end, next_fault);
    if (!active_.empty()) until = std::min(until, active_.begin()->first);
    const absl::Status waited = WaitUnlessInterrupted(until - clock_.SinceBoot());
    if (!waited.ok()) return waited;
    const absl::Duration now = clock_.SinceBoot();
    if (absl::Status s = HealDue(now); !s.ok()) return s;
    if (now >= end) return absl::OkStatus();
    if (now < next_fault) continue;
    if (InStorm(now)) {
      if (absl::Status s = Begin(now); !s.ok()) return s;
    }
    next_fault = clock_.SinceBoot() + Draw(absl::ZeroDuration(), kMaxGap);
  }
}

bool Faults::InStorm(absl::Duration now) const {
  return (now - started_) % (kStorm + kCalm) < kStorm;
}

absl::Status Faults::Begin(absl::Duration now) {
  if (deck_.empty()) Shuffle();
  const Fault fault = deck_.back();
  const uint32_t server = cluster_.clients();
  const auto client = static_cast<uint32_t>(random_() % cluster_.clients());
  const bool is_long = random_() % 2 == 0;
  const absl::Duration longest = HitsServer(fault) ? kServerLongest : kLongest;
  const absl::Duration lasts = is_long ? Draw(kLong, longest) : Draw(kShortest, kShort);
  const uint32_t target = HitsServer(fault) ? server : client;
  if (IsBusy(fault, target)) return absl::OkStatus();
  deck_.pop_back();
  ++counts_[static_cast<size_t>(fault)];
  if (!IsInstant(fault)) active_.emplace(now + lasts, Active{fault, target});
  return Apply(fault, target);
}

void Faults::Shuffle() {
  for (size_t kind = 0; kind < kFaultKinds; ++kind) {
    deck_.insert(deck_.end(), mix_[kind], static_cast<Fault>(kind));
  }
  std::shuffle(deck_.begin(), deck_.end(), random_);
}

absl::Status Faults::Apply(Fault fault, uint32_t target) {
  switch (fault) {
    case Fault::kCut:
      cluster_.proxy(target).Cut();
      return absl::OkStatus();
    case Fault::kRefuse:
      cluster_.proxy(target).Refuse();
      cluster_.proxy(target).Cut();
      return absl::OkStatus();
    case Fault::kStall:
      cluster_.proxy(target).Stall();
      return absl::OkStatus();
    case Fault::kDelay:
      cluster_.proxy(target).Delay(Draw(kMinDelay, kMaxDelay));
      return absl::OkStatus();
    case Fault::kHalfCloseToServer:
      cluster_.proxy(target).HalfClose(TcpProxy::Direction::kToServer);
      return absl::OkStatus();
    case Fault::kHalfCloseToClient:
      cluster_.proxy(target).HalfClose(TcpProxy::Direction::kToClient);
      return absl::OkStatus();
    case Fault::kFreezeClient:
      return cluster_.FreezeClient(target);
    case Fault::kKillClient:
      return cluster_.KillClient(target);
    case Fault::kFreezeServer:
      return cluster_.FreezeServer();
    case Fault::kKillServer:
      return cluster_.KillServer();
  }
  return absl::InternalError("unknown fault");
}

absl::Status Faults::HealDue(absl::Duration now) {
  while (!active_.empty() && active_.begin()->first <= now) {
    const Active active = active_.begin()->second;
    active_.erase(active_.begin());
    if (absl::Status s = Heal(active); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status Faults::HealAll() { return HealDue(absl::InfiniteDuration()); }

absl::Status Faults::Heal(const Active& active) {
  switch (active.fault) {
    case Fault::kFreezeClient:
      return cluster_.ThawClient(active.target);
    case Fault::kKillClient:
      return cluster_.StartClient(active.target);
    case Fault::kFreezeServer:
      return cluster_.ThawServer();
    case Fault::kKillServer:
      return cluster_.StartServer();
    default:
      cluster_.proxy(active.target).Heal();
      return absl::OkStatus();
  }
}

bool Faults::IsBusy(Fault fault, uint32_t target) const {
  return std::any_of(active_.begin(), active_.end(), [&](const auto& entry) {
    const Active& active = entry.second;
    return active.target == target && HitsProcess(active.fault) == HitsProcess(fault);
  });
}

absl::Duration Faults::Draw(absl::Duration low, absl::Duration high) {
  return low + (high - low) * std::uniform_real_distribution<double>(0, 1)(random_);
}

}  // namespace claviger::history
