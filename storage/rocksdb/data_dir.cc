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
#include "storage/rocksdb/durable_files.h"

namespace claviger {
namespace {

constexpr mode_t kPrivateDirMode = 0700;
constexpr mode_t kParentDirMode = 0777;  // less the umask

// A folder of which only the content was synced may be gone after a power loss, content and all.
// That holds for one that is there already, too: who made it may not have come so far.
absl::Status MakeDurableDir(const std::string& path, mode_t mode, rocksdb::FileSystem& files) {
  const std::string parent = FolderOf(path);
  if (mkdir(path.c_str(), mode) != 0) {
    if (errno != EEXIST) return FileError(path, "make the folder", errno);
    // Where we may not list the parent, somebody else made the folder for us.
    if (access(parent.c_str(), R_OK) != 0) return absl::OkStatus();
  }
  return SyncFolder(files, parent);
}

absl::Status MakeParents(const std::string& path, rocksdb::FileSystem& files) {
  const std::string parent = FolderOf(path);
  std::error_code error;
  if (std::filesystem::exists(parent, error)) return absl::OkStatus();
  if (error) return FileError(parent, "look at the folder", error.value());
  if (auto status = MakeParents(parent, files); !status.ok()) return status;
  return MakeDurableDir(parent, kParentDirMode, files);
}

}  // namespace

absl::StatusOr<std::unique_ptr<DataDir>> DataDir::Open(
    const std::string& path, const std::shared_ptr<rocksdb::FileSystem>& given_files) {
  const std::shared_ptr<rocksdb::FileSystem> files = OrTheDisk(given_files);
  if (auto status = MakeParents(path, *files); !status.ok()) return status;
  if (auto status = MakeDurableDir(path, kPrivateDirMode, *files); !status.ok()) return status;

  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return FileError(path, "open the data folder", errno);
  std::unique_ptr<DataDir> dir(new DataDir(path, fd));
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return FileError(path, "lock the data folder", errno);
    return ErrorBuilder(absl::StatusCode::kFailedPrecondition, Reason::kStoreUnavailable)
        .Build(fmt::format("the data folder {} is in use by another clavigerd; stop that one, or "
                           "give this one a folder of its own",
                           path));
  }
  if (auto status = MakeDurableDir(dir->db_path(), kPrivateDirMode, *files); !status.ok()) {
    return status;
  }
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
  if (statvfs(dir.c_str(), &info) != 0) return FileError(dir, "measure the disk of", errno);
  return uint64_t{info.f_bavail} * info.f_frsize;
}

}  // namespace claviger
