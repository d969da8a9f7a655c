// A folder for the files of one run.
#ifndef CLAVIGER_TESTS_SUPPORT_SCRATCH_FOLDER_H_
#define CLAVIGER_TESTS_SUPPORT_SCRATCH_FOLDER_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace claviger {

// A folder of its own, closed to others; removed with all in it when destroyed.
class ScratchFolder {
 public:
  static absl::StatusOr<std::unique_ptr<ScratchFolder>> Make(const std::string& parent);
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  explicit ScratchFolder(std::string path) : path_(std::move(path)) {}

  const std::string path_;
};

}  // namespace claviger

#endif  // CLAVIGER_TESTS_SUPPORT_SCRATCH_FOLDER_H_
