// A file for a secret, that must not have been there before unless it is to be overwritten.
#ifndef CLAVIGER_CLIENT_CLI_NEW_SECRET_FILE_H_
#define CLAVIGER_CLIENT_CLI_NEW_SECRET_FILE_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/unique_fd.h"
#include "core/secret.h"

namespace claviger::cli {

// A file with mode 0600 that is removed again unless something was written to it.
//
// Thread safety: none.
class NewSecretFile {
 public:
  struct Options {
    std::string flag = "--key-out";  // for messages
    // Replaces what is at `path`, once something is written.
    bool overwrite = false;
    std::string hint = "";  // ends the message that there is something at `path`
  };

  // ALREADY_EXISTS when there is something at `path` that is not to be overwritten.
  static absl::StatusOr<NewSecretFile> Create(const std::string& path, Options options);
  static absl::StatusOr<NewSecretFile> Create(const std::string& path) {
    return Create(path, Options());
  }
  ~NewSecretFile();

  NewSecretFile(NewSecretFile&& other) noexcept;
  NewSecretFile(const NewSecretFile&) = delete;
  NewSecretFile& operator=(const NewSecretFile&) = delete;
  NewSecretFile& operator=(NewSecretFile&&) = delete;

  // Writes `secret` and a line end, through to the disk.
  absl::Status Write(const Secret& secret);

 private:
  NewSecretFile(std::string path, std::string written_to, std::string flag, UniqueFd fd);

  std::string path_;
  std::string written_to_;  // `path_`, or a name beside it until it is whole
  std::string flag_;
  UniqueFd fd_;
  bool written_ = false;
};

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_NEW_SECRET_FILE_H_
