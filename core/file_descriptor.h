// Who closes a file descriptor.
#ifndef CLAVIGER_CORE_FILE_DESCRIPTOR_H_
#define CLAVIGER_CORE_FILE_DESCRIPTOR_H_

#include <unistd.h>

namespace claviger {

// Owns a file descriptor, or the negative result of a call that opened none.
//
// Thread safety: as of an int.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  int get() const { return fd_; }

 private:
  const int fd_;
};

}  // namespace claviger

#endif  // CLAVIGER_CORE_FILE_DESCRIPTOR_H_
