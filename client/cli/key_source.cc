#include "client/cli/key_source.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "client/cli/secret_input.h"
#include "core/key_format.h"

namespace claviger::cli {
namespace {

absl::StatusOr<ManagementKey> Checked(absl::StatusOr<Secret> secret, std::string source) {
  if (!secret.ok()) return secret.status();
  if (!ParseKey(secret->ExposeSecret()).has_value()) {
    return absl::InvalidArgumentError(fmt::format(
        "{} does not hold a key: it is not well-formed, or a character of it is wrong", source));
  }
  return ManagementKey{std::move(*secret), std::move(source), "", ""};
}

// Says so when others on this machine can read the file.
std::string WarningAbout(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return "";
  if ((info.st_mode & (S_IRGRP | S_IROTH)) == 0) return "";
  return fmt::format("{} holds a key and can be read by others: chmod 600 {}", path, path);
}

absl::StatusOr<ManagementKey> FromFile(const std::string& path, int in_fd) {
  if (path == "-") return Checked(ReadSecret(in_fd, "standard input"), "standard input");
  absl::StatusOr<ManagementKey> key = Checked(ReadSecretFile(path), path);
  if (key.ok()) {
    key->warning = WarningAbout(path);
    key->file = path;
  }
  return key;
}

}  // namespace

absl::StatusOr<ManagementKey> FindManagementKey(const KeySourceOptions& options,
                                                const EnvironmentLookup& environment) {
  if (!options.key_file.empty()) return FromFile(options.key_file, options.in_fd);
  if (const auto path = environment("CLAVIGER_KEY_FILE"); path.has_value()) {
    return FromFile(*path, options.in_fd);
  }
  if (auto text = environment("CLAVIGER_KEY"); text.has_value()) {
    return Checked(Secret(std::move(*text)), "CLAVIGER_KEY");
  }
  if (options.server_is_local && access(options.default_file.c_str(), F_OK) == 0) {
    return FromFile(options.default_file, options.in_fd);
  }
  return ManagementKey{};
}

}  // namespace claviger::cli
