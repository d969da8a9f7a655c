// From flags, environment and a TOML file to a ServerConfig.
//
// Every setting has one name, here `tls-cert`: the flag is `--tls-cert`, the variable
// `CLAVIGER_TLS_CERT`, the line in the file `tls-cert = "…"`. Flags win over the environment, the
// environment over the file, the file over defaults.
#ifndef CLAVIGER_SERVER_CONFIG_COMMAND_LINE_H_
#define CLAVIGER_SERVER_CONFIG_COMMAND_LINE_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "core/audit_entry.h"
#include "server/config/server_config.h"

namespace claviger {

// Exit code of a command line, environment or file that is not accepted.
inline constexpr int kExitUsage = 2;

enum class RunMode {
  kServe,
  kCheckConfig,  // `check-config`: say whether the server would start, and why not
  kNewPepper,    // `new-pepper ID`: put a new first pepper into the pepper file
  kRestore,      // `restore FILE`: make a data folder from a backup
  kPrint,        // `--help`, `--version`, `--print-config`: print `text` and exit with 0
};

// What kRestore was asked for.
struct RestoreRequest {
  std::string file;          // the backup; `-`: standard input
  std::string audit_export;  // what was taken away behind the backup; empty: nobody knows
  // Kept elsewhere, which `audit_export` must have; nullopt: nobody kept one.
  std::optional<AuditHead> audit_head = std::nullopt;
  bool new_root_key = false;
  bool dry_run = false;
};

struct CommandLine {
  RunMode mode = RunMode::kServe;
  // Validated for kServe and kCheckConfig; for kNewPepper only that it names a pepper file, for
  // kRestore its settings of the store and the pepper file.
  ServerConfig config;
  RestoreRequest restore;
  // Of the pepper that kNewPepper makes.
  std::string pepper_id;
  // What kPrint prints, with its end of line.
  std::string text;
};

// Reads `argv`, the environment and the file of `--config`. Errors: INVALID_ARGUMENT,
// `CONFIG_INVALID`; the message is for people and names the setting, the value and what is
// accepted.
absl::StatusOr<CommandLine> ParseCommandLine(int argc, const char* const* argv,
                                             std::string_view version);

// All settings with their values, as a file that `--config` takes.
std::string ToToml(const ServerConfig& config);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_CONFIG_COMMAND_LINE_H_
