#include "server/metrics/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>

#include "server/metrics/families.h"

namespace claviger {
namespace {

using prometheus::MetricType;

// The fields of /proc/self/stat that are used (proc(5)).
struct ProcessStat {
  double cpu_seconds = 0;
  double start_seconds_after_boot = 0;
  double virtual_bytes = 0;
  double resident_bytes = 0;
};

std::optional<ProcessStat> ReadProcessStat() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  // The second field is the program's name in parentheses, which may itself hold both.
  const size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream rest(line.substr(name_end + 1));
  const std::vector<std::string> fields{std::istream_iterator<std::string>(rest), {}};
  // fields[0] is the third of proc(5).
  constexpr size_t kUserTime = 14 - 3, kSystemTime = 15 - 3, kStartTime = 22 - 3,
                   kVirtualBytes = 23 - 3, kResidentPages = 24 - 3;
  if (fields.size() <= kResidentPages) return std::nullopt;
  const auto number = [&fields](size_t index) {
    return std::strtod(fields[index].c_str(), nullptr);
  };
  const auto ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  return ProcessStat{
      .cpu_seconds = (number(kUserTime) + number(kSystemTime)) / ticks_per_second,
      .start_seconds_after_boot = number(kStartTime) / ticks_per_second,
      .virtual_bytes = number(kVirtualBytes),
      .resident_bytes = number(kResidentPages) * static_cast<double>(sysconf(_SC_PAGESIZE))};
}

// Unix time of the boot.
std::optional<double> ReadBootTime() {
  std::ifstream file("/proc/stat");
  std::string word;
  while (file >> word) {
    double seconds = 0;
    if (word == "btime" && file >> seconds) return seconds;
  }
  return std::nullopt;
}

std::optional<size_t> CountOpenFiles() {
  std::error_code error;
  std::filesystem::directory_iterator entries("/proc/self/fd", error);
  if (error) return std::nullopt;
  size_t count = 0;
  while (entries != std::filesystem::directory_iterator()) {
    ++count;
    entries.increment(error);
    if (error) return std::nullopt;
  }
  // One of them was the listing itself.
  return count - 1;
}

class Families {
 public:
  void Gauge(const char* name, const char* help, double value) {
    AddGauge(families_.emplace_back(MakeFamily(name, help, MetricType::Gauge)), {}, value);
  }
  void Counter(const char* name, const char* help, double value) {
    AddCounter(families_.emplace_back(MakeFamily(name, help, MetricType::Counter)), {}, value);
  }
  std::vector<prometheus::MetricFamily> Take() && { return std::move(families_); }

 private:
  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace

std::vector<prometheus::MetricFamily> CollectProcessMetrics() {
  Families families;
  if (const auto stat = ReadProcessStat(); stat.has_value()) {
    families.Counter("process_cpu_seconds_total", "User and system CPU time used.",
                     stat->cpu_seconds);
    families.Gauge("process_resident_memory_bytes", "Resident memory.", stat->resident_bytes);
    families.Gauge("process_virtual_memory_bytes", "Virtual memory.", stat->virtual_bytes);
    if (const auto boot = ReadBootTime(); boot.has_value()) {
      families.Gauge("process_start_time_seconds", "Start of the process as Unix time.",
                     *boot + stat->start_seconds_after_boot);
    }
  }
  if (const auto open = CountOpenFiles(); open.has_value()) {
    families.Gauge("process_open_fds", "Open file descriptors.", static_cast<double>(*open));
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    families.Gauge("process_max_fds", "Most file descriptors that may be open.",
                   static_cast<double>(limit.rlim_cur));
  }
  return std::move(families).Take();
}

}  // namespace claviger
