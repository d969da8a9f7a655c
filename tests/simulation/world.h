// The simulated world: true time, what happens in it, machines' clocks, and dice. One seed decides
// all of it.
#ifndef CLAVIGER_TESTS_SIMULATION_WORLD_H_
#define CLAVIGER_TESTS_SIMULATION_WORLD_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "core/clock.h"
#include "core/random.h"

namespace claviger::simulation {

// Random numbers, the same for the same seed on every machine (SplitMix64).
class Dice final : public RandomSource {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}

  uint64_t Next();
  // In [0, 1).
  double Unit() { return static_cast<double>(Next() >> 11) * 0x1p-53; }
  bool Chance(double probability) { return Unit() < probability; }
  // In [0, bound).
  size_t Below(size_t bound) { return Next() % bound; }
  // Each duration as likely as the other …
  absl::Duration Between(absl::Duration low, absl::Duration high) {
    return low + (high - low) * Unit();
  }
  // … and each order of magnitude as likely as the other. REQUIRES: low > 0.
  absl::Duration Spread(absl::Duration low, absl::Duration high);
  // Time until the next of events that come every `mean` on average.
  absl::Duration Wait(absl::Duration mean);
  // One of its own for some part of the world, so that what the parts do does not depend on the
  // order in which they do it.
  Dice Split() { return Dice(Next()); }

  absl::Status Fill(std::span<uint8_t> out) override;

 private:
  uint64_t state_;
};

// What is going to happen, in the order of true time. The run begins at absl::UnixEpoch().
class World {
 public:
  using Task = absl::AnyInvocable<void()>;

  // With `traced` it prints what it is told of.
  explicit World(bool traced) : traced_(traced) {}

  absl::Time now() const { return now_; }
  // Not in the past: then now, behind all that is due now.
  void At(absl::Time at, Task task);
  void After(absl::Duration delay, Task task) { At(now_ + delay, std::move(task)); }

  void RunUntil(absl::Time end);
  // Called from within a task: everything else goes on for so long, as when a thread is interrupted
  // between two steps. No effect when too many stand still already.
  void StandStill(absl::Duration duration);

  bool traced() const { return traced_; }
  void Trace(std::string_view who, std::string_view what) const;
  // Something that must be the same when the seed is run again.
  void Remember(uint64_t fact) { digest_ = (digest_ ^ fact) * 0x100000001b3; }
  uint64_t digest() const { return digest_; }

 private:
  static constexpr int kMaxStandingStill = 3;

  struct Event {
    int64_t at;       // nanoseconds since the beginning
    uint64_t number;  // what was planned first comes first
    size_t task;      // its place in `tasks_`
  };
  static bool Later(const Event& a, const Event& b) {
    return a.at != b.at ? a.at > b.at : a.number > b.number;
  }

  const bool traced_;
  absl::Time now_ = absl::UnixEpoch();
  uint64_t last_number_ = 0;
  int standing_still_ = 0;
  std::vector<Event> events_;  // a heap
  std::vector<Task> tasks_;
  std::vector<size_t> free_tasks_;
  uint64_t digest_ = 0xcbf29ce484222325;
};

// The clocks of a machine: both run at `rate`, one counts from its last boot.
class MachineClock final : public Clock {
 public:
  MachineClock(const World& world, double rate, absl::Duration since_boot)
      : world_(world), rate_(rate), shown_(since_boot), shown_at_(world.now()) {}

  absl::Time Now() const override {
    return absl::UnixEpoch() + Times(world_.now() - absl::UnixEpoch(), rate_);
  }
  absl::Duration SinceBoot() const override {
    return shown_ + Times(world_.now() - shown_at_, rate_);
  }

  // The true time at which SinceBoot shows `local`, or a few nanoseconds later.
  absl::Time TrueTime(absl::Duration local) const {
    if (local == absl::InfiniteDuration()) return absl::InfiniteFuture();
    if (local == -absl::InfiniteDuration()) return absl::InfinitePast();
    return shown_at_ + Times(local - shown_, 1 / rate_) + absl::Nanoseconds(2);
  }
  // SinceBoot shows something else from now on.
  void Reboot(absl::Duration since_boot) {
    shown_ = since_boot;
    shown_at_ = world_.now();
  }

 private:
  // Faster than a product of absl's, and exact to a nanosecond.
  static absl::Duration Times(absl::Duration duration, double factor) {
    return absl::Nanoseconds(
        static_cast<int64_t>(static_cast<double>(absl::ToInt64Nanoseconds(duration)) * factor));
  }

  const World& world_;
  const double rate_;
  absl::Duration shown_;
  absl::Time shown_at_;
};

}  // namespace claviger::simulation

#endif  // CLAVIGER_TESTS_SIMULATION_WORLD_H_
