#include "tests/bench/other_load.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace claviger::bench {
namespace {

absl::Duration CpuTimeOf(int who) {
  rusage usage{};
  getrusage(who, &usage);
  return absl::DurationFromTimeval(usage.ru_utime) + absl::DurationFromTimeval(usage.ru_stime);
}

}  // namespace

OtherLoad::OtherLoad() : begin_(Now()) {}

double OtherLoad::Share() const {
  const Usage end = Now();
  const absl::Duration others = (end.machine - begin_.machine) - (end.own - begin_.own);
  return std::clamp(absl::FDivDuration(others, end.all - begin_.all), 0.0, 1.0);
}

OtherLoad::Usage OtherLoad::Now() {
  // proc(5): the first line of /proc/stat has the ticks of all processors, by what they did. The
  // last two are counted among the first two as well.
  constexpr int kStates = 8;
  constexpr int kIdle = 3;
  constexpr int kWaitingForIo = 4;
  std::ifstream stat("/proc/stat");
  std::string label;
  stat >> label;
  int64_t all = 0;
  int64_t idle = 0;
  for (int state = 0; state < kStates; ++state) {
    int64_t ticks = 0;
    stat >> ticks;
    all += ticks;
    if (state == kIdle || state == kWaitingForIo) idle += ticks;
  }
  const absl::Duration tick = absl::Seconds(1) / sysconf(_SC_CLK_TCK);
  return {.machine = (all - idle) * tick,
          .all = all * tick,
          .own = CpuTimeOf(RUSAGE_SELF) + CpuTimeOf(RUSAGE_CHILDREN)};
}

}  // namespace claviger::bench
