#include "client/cli/new_secret_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace claviger::cli {
namespace {

absl::Status WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return absl::ErrnoToStatus(errno, "write");
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<NewSecretFile> NewSecretFile::Create(const std::string& path, Options options) {
  std::string written_to = path;
  int fd = -1;
  if (options.overwrite) {
    written_to += ".XXXXXX";
    fd = mkostemp(written_to.data(), O_CLOEXEC);  // mode 0600
  } else {
    fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  }
  if (fd >= 0) {
    return NewSecretFile(path, std::move(written_to), std::move(options.flag), UniqueFd(fd));
  }
  if (errno == EEXIST) {
    return absl::AlreadyExistsError(
        fmt::format("{}: {} exists already; nothing was issued or overwritten{}", options.flag,
                    path, options.hint));
  }
  return absl::ErrnoToStatus(errno, fmt::format("{}: cannot make {}", options.flag, path));
}

NewSecretFile::NewSecretFile(std::string path, std::string written_to, std::string flag,
                             UniqueFd fd)
    : path_(std::move(path)),
      written_to_(std::move(written_to)),
      flag_(std::move(flag)),
      fd_(std::move(fd)) {}

NewSecretFile::NewSecretFile(NewSecretFile&& other) noexcept
    : path_(std::move(other.path_)),
      written_to_(std::move(other.written_to_)),
      flag_(std::move(other.flag_)),
      fd_(std::move(other.fd_)),
      written_(other.written_) {}

NewSecretFile::~NewSecretFile() {
  if (fd_.ok() && !written_) unlink(written_to_.c_str());
}

absl::Status NewSecretFile::Write(const Secret& secret) {
  absl::Status status = WriteAll(fd_.get(), secret.ExposeSecret());
  if (status.ok()) status = WriteAll(fd_.get(), "\n");
  if (status.ok() && fsync(fd_.get()) != 0) status = absl::ErrnoToStatus(errno, "fsync");
  if (status.ok() && written_to_ != path_ && rename(written_to_.c_str(), path_.c_str()) != 0) {
    status = absl::ErrnoToStatus(errno, "rename");
  }
  if (!status.ok()) {
    const absl::string_view reason = status.message();
    return absl::InternalError(fmt::format("{}: cannot write {}: {}", flag_, path_,
                                           std::string_view(reason.data(), reason.size())));
  }
  written_ = true;
  return absl::OkStatus();
}

}  // namespace claviger::cli
