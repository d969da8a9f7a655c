#include "tests/simulation/world.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "fmt/core.h"

namespace claviger::simulation {

uint64_t Dice::Next() {
  uint64_t mixed = (state_ += 0x9e3779b97f4a7c15);
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

absl::Duration Dice::Spread(absl::Duration low, absl::Duration high) {
  return low * std::exp(Unit() * std::log(absl::FDivDuration(high, low)));
}

absl::Duration Dice::Wait(absl::Duration mean) { return mean * -std::log(1 - Unit()); }

absl::Status Dice::Fill(std::span<uint8_t> out) {
  for (uint8_t& byte : out) byte = static_cast<uint8_t>(Next());
  return absl::OkStatus();
}

void World::At(absl::Time at, Task task) {
  size_t place = tasks_.size();
  if (free_tasks_.empty()) {
    tasks_.push_back(std::move(task));
  } else {
    place = free_tasks_.back();
    free_tasks_.pop_back();
    tasks_[place] = std::move(task);
  }
  events_.push_back({absl::ToUnixNanos(std::max(at, now_)), ++last_number_, place});
  std::push_heap(events_.begin(), events_.end(), Later);
}

void World::RunUntil(absl::Time end) {
  const int64_t last = absl::ToUnixNanos(end);
  while (!events_.empty() && events_.front().at <= last) {
    std::pop_heap(events_.begin(), events_.end(), Later);
    const Event event = events_.back();
    events_.pop_back();
    // A task that stood still may have let time run past what its caller wanted.
    now_ = std::max(now_, absl::FromUnixNanos(event.at));
    Remember(static_cast<uint64_t>(event.at));
    Task task = std::move(tasks_[event.task]);
    free_tasks_.push_back(event.task);
    task();
  }
  now_ = std::max(now_, end);
}

void World::StandStill(absl::Duration duration) {
  if (standing_still_ == kMaxStandingStill) return;
  ++standing_still_;
  RunUntil(now_ + duration);
  --standing_still_;
}

void World::Trace(std::string_view who, std::string_view what) const {
  fmt::print("{:12.6f}  {:<12}  {}\n", absl::ToDoubleSeconds(now_ - absl::UnixEpoch()), who, what);
}

}  // namespace claviger::simulation
