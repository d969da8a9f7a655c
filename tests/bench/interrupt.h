// Ctrl-C and SIGTERM as something to wait for, so that a run that is broken off still ends its
// children and removes its files.
#ifndef CLAVIGER_TESTS_BENCH_INTERRUPT_H_
#define CLAVIGER_TESTS_BENCH_INTERRUPT_H_

#include "absl/status/status.h"

namespace claviger::bench {

// From here on the two signals only make `InterruptFd` readable. Call once, before any thread is
// started.
void CatchInterrupts();

// Readable, for good, once one of the signals came; -1 before CatchInterrupts.
int InterruptFd();

// CANCELLED once one of the signals came.
absl::Status CheckInterrupt();

// Gives the signals back their meaning; for a new process before it becomes another program.
// Async-signal-safe.
void ReleaseInterrupts();

}  // namespace claviger::bench

#endif  // CLAVIGER_TESTS_BENCH_INTERRUPT_H_
