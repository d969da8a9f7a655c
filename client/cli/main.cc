// `claviger`: the operator's command line.

#include <grpc/support/log.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <iostream>
#include <string>
#include <vector>

#include "client/cli/console.h"
#include "client/cli/run.h"
#include "core/platform/system_clock.h"
#include "core/platform/system_random.h"

int main(int argc, char** argv) {
  // A crash must not leave a key in a core file, and no other program of the same user is to read
  // it from the memory or the environment of this one.
  const rlimit no_core{0, 0};
  if (setrlimit(RLIMIT_CORE, &no_core) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0) {
    std::cerr << "claviger: warning: core dumps of this process could not be switched off\n";
  }
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
