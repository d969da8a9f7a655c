// `claviger key revoke` by filter.
#ifndef CLAVIGER_CLIENT_CLI_KEY_REVOKE_MANY_H_
#define CLAVIGER_CLIENT_CLI_KEY_REVOKE_MANY_H_

#include <claviger/v1/key_lifecycle.pb.h>

#include "client/cli/command_context.h"

namespace claviger::cli {

// Counts what `request` means, asks unless `yes`, and revokes no more than was counted. With
// `validate_only` it only counts. Prints how many were revoked and how far it has reached.
ExitCode RevokeMany(v1::RevokeKeysRequest request, bool yes, CommandContext& context);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_KEY_REVOKE_MANY_H_
