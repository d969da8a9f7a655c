#include "server/config/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "core/file_descriptor.h"
#include "core/status.h"
#include "fmt/format.h"

namespace claviger {
namespace {

absl::Status FileError(absl::StatusCode code, const std::filesystem::path& path,
                       std::string_view problem) {
  return ErrorBuilder(code, Reason::kConfigInvalid)
      .Build(fmt::format("file {}: {}", path.string(), problem));
}

absl::Status SystemError(const std::filesystem::path& path, int error) {
  const absl::StatusCode code = error == ENOENT   ? absl::StatusCode::kNotFound
                                : error == EEXIST ? absl::StatusCode::kAlreadyExists
                                                  : absl::StatusCode::kUnavailable;
  return FileError(code, path, std::strerror(error));
}

// Gives the file `fd` to whom the one at `path` belongs, if there is one: made by root for a
// service, it must stay the service's.
bool KeepOwner(int fd, const std::filesystem::path& path) {
  struct stat old {};
  if (stat(path.c_str(), &old) != 0) return errno == ENOENT;
  return (old.st_uid == geteuid() && old.st_gid == getegid()) ||
         fchown(fd, old.st_uid, old.st_gid) == 0;
}

bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

// Makes what happened to names in the directory of `path` durable.
absl::Status SyncDirectoryOf(const std::filesystem::path& path) {
  const auto directory = path.has_parent_path() ? path.parent_path() : ".";
  const FileDescriptor fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || fsync(fd.get()) != 0) return SystemError(directory, errno);
  return absl::OkStatus();
}

// Writes `bytes` beside `path`, and gives it that name by `place(from, to)`, which returns 0 or
// sets errno.
absl::Status WriteBeside(const std::filesystem::path& path, std::string_view bytes,
                         int (*place)(const char* from, const char* to)) {
  std::string beside = path.string() + ".XXXXXX";
  absl::Status result = absl::OkStatus();
  {
    // Makes it with mode 0600.
    const FileDescriptor fd(mkostemp(beside.data(), O_CLOEXEC));
    if (fd.get() < 0) return SystemError(path, errno);
    if (!KeepOwner(fd.get(), path) || !WriteAll(fd.get(), bytes) || fsync(fd.get()) != 0) {
      result = SystemError(path, errno);
    }
  }
  if (result.ok() && place(beside.c_str(), path.c_str()) != 0) result = SystemError(path, errno);
  // Gone already when it was renamed.
  unlink(beside.c_str());
  return result.ok() ? SyncDirectoryOf(path) : result;
}

}  // namespace

absl::StatusOr<Secret> ReadPrivateFile(const std::filesystem::path& path) {
  const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) return SystemError(path, errno);
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return SystemError(path, errno);
  constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;
  if (!S_ISREG(info.st_mode)) return FileError(kRefused, path, "is not a regular file");
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return FileError(kRefused, path,
                     fmt::format("has mode {:04o} but only its owner may have access: chmod 0600",
                                 info.st_mode & 07777));
  }
  if (static_cast<size_t>(info.st_size) > kMaxPrivateFileBytes) {
    return FileError(kRefused, path, fmt::format("is over {} bytes", kMaxPrivateFileBytes));
  }
  std::string bytes(static_cast<size_t>(info.st_size), '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = read(fd.get(), bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int error = errno;
      CleanseString(bytes);
      return SystemError(path, error);
    }
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  bytes.resize(done);
  return Secret(std::move(bytes));
}

absl::Status CreatePrivateFile(const std::filesystem::path& path, std::string_view bytes) {
  // link, unlike rename, fails when the name is taken.
  return WriteBeside(path, bytes, &link);
}

absl::Status ReplacePrivateFile(const std::filesystem::path& path, std::string_view bytes) {
  return WriteBeside(path, bytes, &std::rename);
}

}  // namespace claviger
