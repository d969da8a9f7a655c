// The folder that a store lives in.
#ifndef CLAVIGER_STORAGE_ROCKSDB_DATA_DIR_H_
#define CLAVIGER_STORAGE_ROCKSDB_DATA_DIR_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rocksdb/file_system.h"

namespace claviger {

// Holds the lock that keeps a second store out; given back when destroyed, and by the kernel when
// the process dies.
//
// Thread safety: immutable; all methods may be called from any thread at once.
class DataDir {
 public:
  // Makes `path` and `path`/db, mode 0700, where they do not exist. FAILED_PRECONDITION: a store is
  // open there already, in this process or another.
  // Folders that were made are there after a power loss. `files` may be null: the disk.
  static absl::StatusOr<std::unique_ptr<DataDir>> Open(
      const std::string& path, const std::shared_ptr<rocksdb::FileSystem>& files = nullptr);
  ~DataDir();

  DataDir(const DataDir&) = delete;
  DataDir& operator=(const DataDir&) = delete;

  const std::string& path() const { return path_; }
  std::string db_path() const { return path_ + "/db"; }
  std::string ballast_path() const { return path_ + "/ballast"; }
  std::string watermark_path() const { return path_ + "/watermark"; }

 private:
  DataDir(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  const std::string path_;
  const int fd_;  // locked
};

// Sum of the sizes of the files right in `dir`; files that vanish meanwhile count as nothing.
uint64_t BytesIn(const std::string& dir);

// Free space for this user in the file system of `dir`.
absl::StatusOr<uint64_t> FreeBytes(const std::string& dir);

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_DATA_DIR_H_
