// Ctrl-C and SIGTERM as something to wait for, so that a run that is broken off still ends its
// children and removes its files.
#ifndef CLAVIGER_TESTS_SUPPORT_INTERRUPT_H_
#define CLAVIGER_TESTS_SUPPORT_INTERRUPT_H_

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace claviger {

// From here on the two signals only make `InterruptFd` readable. Call once, before any thread is
// started.
void CatchInterrupts();

// Readable, for good, once one of the signals came; -1 before CatchInterrupts.
int InterruptFd();

// CANCELLED once one of the signals came.
absl::Status CheckInterrupt();

// OK after `duration`; CANCELLED, at once, when one of the signals came.
absl::Status WaitUnlessInterrupted(absl::Duration duration);

// Gives the signals back their meaning; for a new process before it becomes another program.
// Async-signal-safe.
void ReleaseInterrupts();

}  // namespace claviger

#endif  // CLAVIGER_TESTS_SUPPORT_INTERRUPT_H_
