// Small files that are there after a power loss, as a whole, once a call has returned OK.
#ifndef CLAVIGER_STORAGE_ROCKSDB_DURABLE_FILES_H_
#define CLAVIGER_STORAGE_ROCKSDB_DURABLE_FILES_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rocksdb/file_system.h"

namespace claviger {

// `files`, or the disk where that is null.
std::shared_ptr<rocksdb::FileSystem> OrTheDisk(std::shared_ptr<rocksdb::FileSystem> files);

// What a failed operation is to callers. `action` completes "could not …".
absl::Status FileError(const std::string& path, std::string_view action,
                       const rocksdb::IOStatus& error);
// The same of a system call; `error` is its errno.
absl::Status FileError(const std::string& path, std::string_view action, int error);

// Errors of all, with the path: RESOURCE_EXHAUSTED `STORE_FULL` where the disk has no room, else
// UNAVAILABLE `STORE_UNAVAILABLE`.

// The first `max_bytes` of the file; nullopt: there is none.
absl::StatusOr<std::optional<std::string>> ReadSmallFile(rocksdb::FileSystem& files,
                                                         const std::string& path, size_t max_bytes);
// Replaces the file: a crash leaves the old one or the new one, whole. Uses `path`.new.
absl::Status ReplaceFile(rocksdb::FileSystem& files, const std::string& path,
                         std::string_view text);
// What was made, renamed or removed in `folder` stays so.
absl::Status SyncFolder(rocksdb::FileSystem& files, const std::string& folder);
// The same without a file system of RocksDB's; `path` may be a file as well, whose content it is
// then.
absl::Status SyncPath(const std::string& path);
// The folder that `path` is in, as something that can be opened.
std::string FolderOf(const std::string& path);

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_DURABLE_FILES_H_
