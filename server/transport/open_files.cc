#include "server/transport/open_files.h"

#include <sys/resource.h>

#include <algorithm>

namespace claviger {
namespace {

// More would cost the kernel's tables and help nobody.
constexpr rlim_t kMostOpenFiles = rlim_t{1} << 20;
// The store keeps up to 512 files open, HTTP up to 32 connections; the rest is for what the
// libraries open.
constexpr uint64_t kOthers = 512 + 32 + 128;
constexpr uint64_t kLeastConnections = 16;

}  // namespace

uint64_t RaiseOpenFiles() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return OpenFiles();
  const rlim_t wanted = std::min(limit.rlim_max, kMostOpenFiles);
  if (limit.rlim_cur < wanted) {
    limit.rlim_cur = wanted;
    // Where it fails the old limit goes on holding, and the caps are made to fit that.
    (void)setrlimit(RLIMIT_NOFILE, &limit);
  }
  return OpenFiles();
}

uint64_t OpenFiles() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : kOthers;
}

ConnectionCaps CapsWithin(const ServerLimits& limits, uint64_t open_files) {
  ConnectionCaps caps{.total = limits.max_connections,
                      .per_address = limits.max_connections_per_address};
  const uint64_t left = open_files > kOthers ? open_files - kOthers : 0;
  const ConnectionCaps none;
  // The inverse of most_open().
  const uint64_t most = left > none.closing() ? (left - none.closing()) * 4 / 5 : 0;
  caps.total = std::min<uint64_t>(caps.total, std::max(most, kLeastConnections));
  return caps;
}

}  // namespace claviger
