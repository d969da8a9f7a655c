// A file that is there as a whole or not at all.
#ifndef CLAVIGER_CLIENT_CLI_PARTIAL_FILE_H_
#define CLAVIGER_CLIENT_CLI_PARTIAL_FILE_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/unique_fd.h"

namespace claviger::cli {

// Writes beside PATH, to PATH.partial, until all is written.
//
// Thread safety: none.
class PartialFile {
 public:
  // Makes PATH.partial, mode 0600. What a process that was killed left there is replaced.
  // ALREADY_EXISTS: PATH is there, and is not to be overwritten; UNAVAILABLE: another process is
  // writing PATH.partial; else what the system says.
  static absl::StatusOr<PartialFile> Create(const std::string& path, bool overwrite);
  // Without Finish nothing is left.
  ~PartialFile();
  PartialFile(PartialFile&& other) noexcept;
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;
  PartialFile& operator=(PartialFile&&) = delete;

  // Each DATA_LOSS, naming the file and what the system says.
  absl::Status Write(std::string_view bytes);
  // Makes it durable and gives it its name.
  absl::Status Finish();

 private:
  PartialFile(std::string path, bool overwrite, UniqueFd fd);

  std::string partial() const { return path_ + ".partial"; }

  std::string path_;
  bool overwrite_;
  UniqueFd fd_;
  bool finished_ = false;
};

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_PARTIAL_FILE_H_
