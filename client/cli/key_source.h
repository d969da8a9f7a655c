// Finds the management key that a command acts with.
#ifndef CLAVIGER_CLIENT_CLI_KEY_SOURCE_H_
#define CLAVIGER_CLIENT_CLI_KEY_SOURCE_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "client/cli/console.h"
#include "core/secret.h"

namespace claviger::cli {

// Where `clavigerd --dev` leaves the root key, seen from the folder it was started in.
inline constexpr char kDefaultKeyFile[] = "./data/root.key";

// Where to look.
struct KeySourceOptions {
  // `--key-file`; `-` is standard input. Empty: not given.
  std::string key_file = "";
  // Whether the server is on this machine: only then is the default file tried.
  bool server_is_local = false;
  std::string default_file = kDefaultKeyFile;
  int in_fd = 0;
};

// A key and where it came from.
struct ManagementKey {
  // nullopt: none was found; the server decides what a caller without one may do.
  std::optional<Secret> key;
  // Name of the source, for messages; never the key.
  std::string source;
  // A sentence for stderr, or empty.
  std::string warning;
  // The path of the file it came from; empty: it came from elsewhere.
  std::string file = "";
};

// The first of: `--key-file`, CLAVIGER_KEY_FILE, CLAVIGER_KEY, the default file. A source that is
// named but cannot be read, or does not hold a well-formed key, is an error: nothing else is tried
// and nothing but a key is ever sent.
absl::StatusOr<ManagementKey> FindManagementKey(const KeySourceOptions& options,
                                                const EnvironmentLookup& environment);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_KEY_SOURCE_H_
