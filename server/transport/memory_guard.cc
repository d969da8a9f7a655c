#include "server/transport/memory_guard.h"

#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace claviger {
namespace {

// Connections are looked at from this part of the growth on, so that it is known which of them took
// in how much when it is too much.
constexpr uint64_t kAlertShare = 4;

// What a byte can cost: a stream of 35 bytes takes 20 KiB. Who took in less than a thousandth of
// what the process grew by did not make it grow.
constexpr uint64_t kMostBytesOfAByte = 1024;

absl::Duration Now() {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace

uint64_t HeapInUse() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

std::vector<SocketIntake> Greediest(const absl::flat_hash_map<uint64_t, uint64_t>& before,
                                    const std::vector<SocketIntake>& now, uint64_t least_together,
                                    size_t most) {
  std::vector<SocketIntake> greedy;
  for (SocketIntake intake : now) {
    const auto known = before.find(intake.socket.cookie);
    if (known != before.end()) intake.bytes -= std::min(intake.bytes, known->second);
    if (intake.bytes > 0) greedy.push_back(intake);
  }
  std::sort(greedy.begin(), greedy.end(),
            [](const SocketIntake& a, const SocketIntake& b) { return a.bytes > b.bytes; });
  if (greedy.size() > most) greedy.resize(most);
  while (!greedy.empty() && greedy.back().bytes < greedy.front().bytes / 2) greedy.pop_back();
  uint64_t together = 0;
  for (const SocketIntake& intake : greedy) together += intake.bytes;
  if (together < least_together) greedy.clear();
  return greedy;
}

MemoryGuard::MemoryGuard(const MemoryGuardOptions& options, MemoryGuardObserver observer,
                         std::function<uint64_t()> in_use)
    : options_(options),
      observer_(std::move(observer)),
      in_use_(std::move(in_use)),
      growth_(options.window) {
  thread_ = std::thread([this] { Run(); });
}

MemoryGuard::~MemoryGuard() {
  stopping_.Notify();
  thread_.join();
}

void MemoryGuard::Run() {
  while (!stopping_.WaitForNotificationWithTimeout(options_.interval)) Look(Now());
}

void MemoryGuard::Look(absl::Duration now) {
  const uint64_t in_use = in_use_();
  const uint64_t before = std::exchange(in_use_before_, in_use);
  const uint64_t growth = growth_.Observe(in_use, now);
  if (growth < options_.most_growth / kAlertShare) {
    before_.clear();
    if (std::exchange(give_back_, false)) malloc_trim(0);
    return;
  }
  const std::vector<SocketIntake> sockets = ReadIntakes(options_.port);
  // Where it has stopped growing nobody has to go.
  if (growth > options_.most_growth && in_use > before && !before_.empty()) {
    size_t ended = 0;
    for (const SocketIntake& intake : Greediest(
             before_, sockets, (in_use - before) / kMostBytesOfAByte, options_.most_at_once)) {
      if (intake.socket.Abort()) ++ended;
    }
    if (ended > 0) {
      give_back_ = true;
      observer_(ended, growth);
    }
  }
  before_.clear();
  for (const SocketIntake& intake : sockets) before_[intake.socket.cookie] = intake.bytes;
}

}  // namespace claviger
