// A file that must not have been there before, for a secret.
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
  // ALREADY_EXISTS when there is something at `path`: a key is never overwritten.
  static absl::StatusOr<NewSecretFile> Create(const std::string& path);
  ~NewSecretFile();

  NewSecretFile(NewSecretFile&& other) noexcept;
  NewSecretFile(const NewSecretFile&) = delete;
  NewSecretFile& operator=(const NewSecretFile&) = delete;
  NewSecretFile& operator=(NewSecretFile&&) = delete;

  // Writes `secret` and a line end, through to the disk.
  absl::Status Write(const Secret& secret);

 private:
  NewSecretFile(std::string path, UniqueFd fd);

  std::string path_;
  UniqueFd fd_;
  bool written_ = false;
};

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_NEW_SECRET_FILE_H_
