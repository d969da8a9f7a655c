// The log lines of the libraries that print on their own account: gRPC and protobuf.
#ifndef CLAVIGER_SERVER_LOGGING_LIBRARY_HOOKS_H_
#define CLAVIGER_SERVER_LOGGING_LIBRARY_HOOKS_H_

#include "core/clock.h"

namespace claviger::log {

// Routes gRPC's errors (its less severe lines are dropped) and protobuf's warnings and errors to
// the log of server/logging/log.h. gRPC prints header values that it rejects: its lines are
// redacted. Protobuf may print field values: of its lines only the place in its source is kept. At
// most 20 lines a second pass, counted by `clock`, because strangers can cause them; the next line
// that passes says how many did not.
//
// Call once, before gRPC is used. `clock` lives until the process ends.
void InstallLibraryHooks(const Clock& clock);

}  // namespace claviger::log

#endif  // CLAVIGER_SERVER_LOGGING_LIBRARY_HOOKS_H_
