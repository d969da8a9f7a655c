// `claviger`: the operator's command line.

#include <grpc/support/log.h>
#include <sys/resource.h>

#include <iostream>
#include <string>
#include <vector>

#include "client/cli/console.h"
#include "client/cli/run.h"
#include "core/platform/system_clock.h"
#include "core/platform/system_random.h"

int main(int argc, char** argv) {
  // A crash must not leave a key in a core file.
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  // What a call has to say comes back in its status; the library's own log can quote headers.
  gpr_set_log_function([](gpr_log_func_args*) {});

  const claviger::SystemClock clock;
  claviger::SystemRandom random;
  claviger::cli::Console console =
      claviger::cli::ProcessConsole(std::cout, std::cerr, claviger::cli::ProcessEnvironment);
  return static_cast<int>(claviger::cli::Run(std::vector<std::string>(argv + 1, argv + argc),
                                             console, claviger::cli::ProcessEnvironment, clock,
                                             random));
}
