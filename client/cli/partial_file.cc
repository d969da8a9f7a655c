#include "client/cli/partial_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

namespace claviger::cli {
namespace {

std::string Why(int error) { return std::generic_category().message(error); }

absl::Status CannotWrite(const std::string& path, int error) {
  return absl::DataLossError(fmt::format("cannot write {}: {}", path, Why(error)));
}

absl::Status IsThere(const std::string& path) {
  return absl::AlreadyExistsError(
      fmt::format("{} exists already, and was not overwritten; --force overwrites it", path));
}

absl::Status InUse(const std::string& partial) {
  return absl::UnavailableError(
      fmt::format("{}: another process is writing it; try again when it is done", partial));
}

// The one who writes holds a lock, so that what has none is what a killed one left.
absl::Status RemoveLeft(const std::string& partial) {
  const UniqueFd left(open(partial.c_str(), O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat info {};
  if (!left.ok() || fstat(left.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(
        fmt::format("{} is in the way, and is not what a command left there: remove it", partial));
  }
  if (flock(left.get(), LOCK_EX | LOCK_NB) != 0) return InUse(partial);
  if (unlink(partial.c_str()) != 0 && errno != ENOENT) return CannotWrite(partial, errno);
  return absl::OkStatus();
}

// Makes what `rename` did outlast a loss of power.
bool SyncFolderOf(const std::string& path) {
  std::string folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  const UniqueFd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems cannot, and say so.
  return fd.ok() && (fsync(fd.get()) == 0 || errno == EINVAL);
}

// Unlike rename(2), not over a file that came meanwhile.
int RenameToNew(const std::string& from, const std::string& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  // The file system has no such thing.
  if (errno != EINVAL && errno != ENOSYS) return -1;
  if (access(to.c_str(), F_OK) == 0) {
    errno = EEXIST;
    return -1;
  }
  return rename(from.c_str(), to.c_str());
}

}  // namespace

absl::StatusOr<PartialFile> PartialFile::Create(const std::string& path, bool overwrite) {
  struct stat info {};
  if (lstat(path.c_str(), &info) == 0) {
    if (!overwrite) return IsThere(path);
    if (!S_ISREG(info.st_mode)) {
      return absl::FailedPreconditionError(fmt::format("{} is not a file", path));
    }
  }
  const std::string partial = path + ".partial";
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  int fd = open(partial.c_str(), kFlags, 0600);
  if (fd < 0 && errno == EEXIST) {
    if (absl::Status s = RemoveLeft(partial); !s.ok()) return s;
    fd = open(partial.c_str(), kFlags, 0600);
  }
  if (fd < 0) return absl::ErrnoToStatus(errno, fmt::format("cannot make {}", partial));
  UniqueFd file(fd);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) return InUse(partial);
  return PartialFile(path, overwrite, std::move(file));
}

PartialFile::PartialFile(std::string path, bool overwrite, UniqueFd fd)
    : path_(std::move(path)), overwrite_(overwrite), fd_(std::move(fd)) {}

PartialFile::PartialFile(PartialFile&& other) noexcept
    : path_(std::move(other.path_)),
      overwrite_(other.overwrite_),
      fd_(std::move(other.fd_)),
      finished_(other.finished_) {}

PartialFile::~PartialFile() {
  if (fd_.ok() && !finished_) unlink(partial().c_str());
}

absl::Status PartialFile::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return CannotWrite(partial(), errno);
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return absl::OkStatus();
}

absl::Status PartialFile::Finish() {
  if (fsync(fd_.get()) != 0) return CannotWrite(partial(), errno);
  const int renamed =
      overwrite_ ? rename(partial().c_str(), path_.c_str()) : RenameToNew(partial(), path_);
  if (renamed != 0) return errno == EEXIST ? IsThere(path_) : CannotWrite(path_, errno);
  finished_ = true;
  if (!SyncFolderOf(path_)) return CannotWrite(path_, errno);
  return absl::OkStatus();
}

}  // namespace claviger::cli
