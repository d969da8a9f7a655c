// Signals as a queue that one thread reads, instead of handlers that interrupt any.
#ifndef CLAVIGER_SERVER_APP_SIGNALS_H_
#define CLAVIGER_SERVER_APP_SIGNALS_H_

namespace claviger {

enum class Signal { kStop, kReload };

// Blocks SIGINT, SIGTERM and SIGHUP in this thread and those it will start, and ignores SIGPIPE.
// Call first in main.
void BlockSignals();
// Lets them end the process again. REQUIRES: no other thread runs yet.
void UnblockSignals();
// Waits for the next of them. REQUIRES: BlockSignals was called.
Signal WaitForSignal();

}  // namespace claviger

#endif  // CLAVIGER_SERVER_APP_SIGNALS_H_
