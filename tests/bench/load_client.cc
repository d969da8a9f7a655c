#include "tests/bench/load_client.h"

#include <sys/resource.h>

#include <cstdlib>
#include <iostream>
#include <memory>

#include "absl/time/time.h"
#include "fmt/format.h"
#include "tests/bench/load_generator.h"
#include "tests/support/child_process.h"

namespace claviger::bench {
namespace {

// Beside the time that the load itself takes.
constexpr absl::Duration kSlack = absl::Seconds(30);
constexpr int kLowestPriority = 19;

}  // namespace

int RunLoadClient() {
  LoadSpec spec;
  if (!spec.ParseFromIstream(&std::cin)) return EXIT_FAILURE;
  // Of this thread, and so of all that it begins.
  if (spec.gives_way() && setpriority(PRIO_PROCESS, 0, kLowestPriority) != 0) {
    std::cerr << "load client: cannot give way to others\n";
    return EXIT_FAILURE;
  }
  const absl::StatusOr<LoadResult> result = GenerateLoad(spec);
  if (!result.ok()) {
    std::cerr << "load client: " << result.status().message() << "\n";
    return EXIT_FAILURE;
  }
  return result->SerializeToOstream(&std::cout) && std::cout.flush() ? EXIT_SUCCESS : EXIT_FAILURE;
}

absl::StatusOr<LoadResult> RunLoad(const std::string& self, const LoadSpec& spec) {
  auto process = ChildProcess::Start({.argv = {self, std::string(kLoadClientMode)}});
  if (!process.ok()) return process.status();
  if (absl::Status s = (*process)->WriteInput(spec.SerializeAsString()); !s.ok()) return s;
  const absl::Duration timeout =
      absl::Milliseconds(spec.warm_up_ms()) + absl::Milliseconds(spec.measure_ms()) + kSlack;
  const absl::StatusOr<std::string> output = (*process)->ReadAll(timeout);
  if (!output.ok()) return output.status();
  if (absl::Status s = (*process)->Wait(kSlack); !s.ok()) return s;
  LoadResult result;
  if (!result.ParseFromString(*output)) return absl::InternalError("a client's result is damaged");
  if (result.failures() > 0) {
    return absl::InternalError(fmt::format("{} calls of {} failed, the first with: {}",
                                           result.failures(), spec.method(),
                                           result.first_failure()));
  }
  return result;
}

}  // namespace claviger::bench
