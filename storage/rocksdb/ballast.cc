#include "storage/rocksdb/ballast.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "core/file_descriptor.h"
#include "core/status.h"
#include "fmt/format.h"

namespace claviger {
namespace {

constexpr uint64_t kStep = uint64_t{1} << 20;
constexpr mode_t kMode = 0600;
// Unit of st_blocks, whatever the file system's own blocks are.
constexpr uint64_t kStatBlock = 512;

absl::Status FillError(const std::string& path, uint64_t bytes, int error) {
  return ErrorBuilder(absl::StatusCode::kUnavailable, Reason::kStoreUnavailable)
      .RetryAfter(absl::Seconds(1))
      .Build(fmt::format("could not set {} MiB aside in {}: {}", bytes >> 20, path,
                         std::generic_category().message(error)));
}

// Bytes that removing the file gives back, at most; 0: there is no such file. A copy of it may have
// holes.
uint64_t BlocksOf(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return 0;
  return std::min(static_cast<uint64_t>(info.st_size),
                  static_cast<uint64_t>(info.st_blocks) * kStatBlock);
}

}  // namespace

Ballast::Ballast(std::string path, uint64_t full_bytes)
    : path_(std::move(path)), full_bytes_(full_bytes), bytes_(BlocksOf(path_)) {
  if (full_bytes_ == 0) {
    if (unlink(path_.c_str()) == 0 || errno == ENOENT) bytes_ = 0;
  } else if (bytes_ > full_bytes_ &&
             truncate(path_.c_str(), static_cast<off_t>(full_bytes_)) == 0) {
    bytes_ = full_bytes_;
  }
}

uint64_t Ballast::bytes() const {
  absl::MutexLock lock(&mutex_);
  return bytes_;
}

absl::Status Ballast::Fill() {
  absl::MutexLock lock(&mutex_);
  if (bytes_ >= full_bytes_) return absl::OkStatus();
  const FileDescriptor file(open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, kMode));
  if (file.get() < 0) return FillError(path_, full_bytes_, errno);
  // The system call and not posix_fallocate: that one would write, where blocks cannot be set
  // aside, and a file system that compresses what is written sets nothing aside by it.
  if (fallocate(file.get(), 0, 0, static_cast<off_t>(full_bytes_)) != 0) {
    const int error = errno;
    // What it took before it failed is not ours to keep from others.
    if (ftruncate(file.get(), static_cast<off_t>(bytes_)) != 0 || bytes_ == 0) {
      unlink(path_.c_str());
      bytes_ = 0;
    }
    return FillError(path_, full_bytes_, error);
  }
  bytes_ = full_bytes_;
  return absl::OkStatus();
}

uint64_t Ballast::GiveBack(uint64_t bytes) {
  absl::MutexLock lock(&mutex_);
  const uint64_t wanted = bytes < bytes_ ? (bytes + kStep - 1) / kStep * kStep : bytes_;
  const uint64_t left = bytes_ - std::min(wanted, bytes_);
  const uint64_t given = bytes_ - left;
  if (given == 0) return 0;
  const int failed =
      left == 0 ? unlink(path_.c_str()) : truncate(path_.c_str(), static_cast<off_t>(left));
  if (failed != 0 && errno != ENOENT) return 0;
  bytes_ = left;
  return given;
}

}  // namespace claviger
