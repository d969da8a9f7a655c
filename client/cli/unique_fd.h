// A file descriptor that closes itself.
#ifndef CLAVIGER_CLIENT_CLI_UNIQUE_FD_H_
#define CLAVIGER_CLIENT_CLI_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace claviger::cli {

// Owns a file descriptor, or none (-1).
//
// Thread safety: none.
class UniqueFd {
 public:
  explicit UniqueFd(int fd) : fd_(fd) {}
  ~UniqueFd() {
    if (fd_ >= 0) close(fd_);
  }

  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  UniqueFd& operator=(UniqueFd&&) = delete;

  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_UNIQUE_FD_H_
