#include "storage/rocksdb/data_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "core/status.h"
#include "fmt/format.h"

namespace claviger {
namespace {

constexpr mode_t kPrivateDirMode = 0700;

absl::Status Unusable(const std::string& path, std::string_view action, int error) {
  return ErrorBuilder(absl::StatusCode::kUnavailable, Reason::kStoreUnavailable)
      .RetryAfter(absl::Seconds(1))
      .Build(
          fmt::format("could not {} {}: {}", action, path, std::generic_category().message(error)));
}

absl::Status MakePrivateDir(const std::string& path) {
  if (mkdir(path.c_str(), kPrivateDirMode) == 0 || errno == EEXIST) return absl::OkStatus();
  return Unusable(path, "make the folder", errno);
}

}  // namespace

absl::StatusOr<std::unique_ptr<DataDir>> DataDir::Open(const std::string& path) {
  std::error_code error;
  const auto parent = std::filesystem::path(path).parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  if (error) return Unusable(parent.string(), "make the folder", error.value());
  if (auto status = MakePrivateDir(path); !status.ok()) return status;

  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Unusable(path, "open the data folder", errno);
  std::unique_ptr<DataDir> dir(new DataDir(path, fd));
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return Unusable(path, "lock the data folder", errno);
    return ErrorBuilder(absl::StatusCode::kFailedPrecondition, Reason::kStoreUnavailable)
        .Build(fmt::format("the data folder {} is in use by another clavigerd; stop that one, or "
                           "give this one a folder of its own",
                           path));
  }
  if (auto status = MakePrivateDir(dir->db_path()); !status.ok()) return status;
  return dir;
}

DataDir::~DataDir() { close(fd_); }

uint64_t BytesIn(const std::string& dir) {
  uint64_t bytes = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator it(dir, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code vanished;
    const auto size = it->file_size(vanished);
    if (!vanished) bytes += size;
  }
  return bytes;
}

absl::StatusOr<uint64_t> FreeBytes(const std::string& dir) {
  struct statvfs info {};
  if (statvfs(dir.c_str(), &info) != 0) return Unusable(dir, "measure the disk of", errno);
  return uint64_t{info.f_bavail} * info.f_frsize;
}

}  // namespace claviger
