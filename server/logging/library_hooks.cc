#include "server/logging/library_hooks.h"

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "google/protobuf/stubs/logging.h"
#include "grpc/support/log.h"
#include "server/logging/line_limiter.h"
#include "server/logging/log.h"
#include "server/logging/redact.h"

namespace claviger::log {
namespace {

constexpr uint64_t kLinesPerSecond = 20;

// The libraries take plain functions, so that what these need cannot be passed along.
std::atomic<const Clock*> hook_clock = nullptr;

std::optional<uint64_t> Admit() {
  static LineLimiter& limiter = *new LineLimiter(kLinesPerSecond);
  const Clock* clock = hook_clock.load(std::memory_order_acquire);
  if (clock == nullptr) return 0;
  return limiter.Admit(clock->SinceBoot());
}

std::string_view BaseName(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

void OnGrpcLine(gpr_log_func_args* args) {
  if (args->severity != GPR_LOG_SEVERITY_ERROR) return;
  const auto left_out = Admit();
  if (!left_out.has_value()) return;
  Warning("gRPC reports a problem", {{"detail", RedactForeignLine(args->message)},
                                     {"source", BaseName(args->file)},
                                     {"line", args->line},
                                     {"left_out", *left_out}});
}

void OnProtobufLine(google::protobuf::LogLevel level, const char* file, int line,
                    const std::string& /*may hold values*/) {
  if (level < google::protobuf::LOGLEVEL_WARNING) return;
  const auto left_out = Admit();
  if (!left_out.has_value()) return;
  Warning("protobuf reports a problem",
          {{"source", BaseName(file)}, {"line", line}, {"left_out", *left_out}});
}

}  // namespace

void InstallLibraryHooks(const Clock& clock) {
  hook_clock.store(&clock, std::memory_order_release);
  gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
  gpr_set_log_function(OnGrpcLine);
  google::protobuf::SetLogHandler(OnProtobufLine);
}

}  // namespace claviger::log
