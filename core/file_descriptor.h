// Who closes a file descriptor.
#ifndef CLAVIGER_CORE_FILE_DESCRIPTOR_H_
#define CLAVIGER_CORE_FILE_DESCRIPTOR_H_

#include <unistd.h>

#include <utility>

namespace claviger {

// Owns a file descriptor, or none: -1, or the negative result of a call that opened none.
//
// Thread safety: none.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  ~FileDescriptor() { Reset(); }
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.Release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) Reset(other.Release());
    return *this;
  }

  int get() const { return fd_; }
  void Reset(int fd = -1) {
    if (fd_ >= 0) close(fd_);
    fd_ = fd;
  }
  // The descriptor, which is the caller's from here on.
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

}  // namespace claviger

#endif  // CLAVIGER_CORE_FILE_DESCRIPTOR_H_
