#include "client/cli/new_secret_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
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

absl::StatusOr<NewSecretFile> NewSecretFile::Create(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (fd.ok()) return NewSecretFile(path, std::move(fd));
  if (errno == EEXIST) {
    return absl::AlreadyExistsError(
        fmt::format("--key-out: {} exists already; nothing was issued or overwritten", path));
  }
  return absl::ErrnoToStatus(errno, fmt::format("--key-out: cannot make {}", path));
}

NewSecretFile::NewSecretFile(std::string path, UniqueFd fd)
    : path_(std::move(path)), fd_(std::move(fd)) {}

NewSecretFile::NewSecretFile(NewSecretFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::move(other.fd_)), written_(other.written_) {}

NewSecretFile::~NewSecretFile() {
  if (fd_.ok() && !written_) unlink(path_.c_str());
}

absl::Status NewSecretFile::Write(const Secret& secret) {
  absl::Status status = WriteAll(fd_.get(), secret.ExposeSecret());
  if (status.ok()) status = WriteAll(fd_.get(), "\n");
  if (status.ok() && fsync(fd_.get()) != 0) status = absl::ErrnoToStatus(errno, "fsync");
  if (!status.ok()) {
    const absl::string_view reason = status.message();
    return absl::InternalError(fmt::format("--key-out: cannot write {}: {}", path_,
                                           std::string_view(reason.data(), reason.size())));
  }
  written_ = true;
  return absl::OkStatus();
}

}  // namespace claviger::cli
