// `clavigerd restore`: from a backup to a data folder that a server can be started on.
#ifndef CLAVIGER_SERVER_APP_RESTORE_H_
#define CLAVIGER_SERVER_APP_RESTORE_H_

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "core/clock.h"
#include "core/random.h"
#include "server/config/command_line.h"

namespace claviger {

// Told of each long step when it begins; may be empty.
using RestoreProgress = std::function<void(std::string_view step)>;

// Reads the backup of `request`, checks all of it, its peppers and the audit export, and makes the
// data folder of `config` from it: under a new epoch, with every lease taken to be out that the old
// server may have granted, and with what the export says was taken away behind the backup taken
// away again. What it did, for people.
//
// Nothing is moved to its place before everything was checked. It may be killed at any moment and
// run again. After an error, and after a trial, the folder is as it was before. Errors name what is
// wrong and what to do; without an export it is refused unless `config` accepts an older state.
// Blocks on I/O, as long as all of the backup takes to be written and read.
absl::StatusOr<std::string> RestoreBackup(const ServerConfig& config, const RestoreRequest& request,
                                          const Clock& clock, RandomSource& random,
                                          const RestoreProgress& progress = {});

}  // namespace claviger

#endif  // CLAVIGER_SERVER_APP_RESTORE_H_
