#include "storage/rocksdb/durable_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "core/file_descriptor.h"
#include "core/status.h"
#include "fmt/format.h"

namespace claviger {

namespace {

absl::Status CouldNot(std::string_view action, const std::string& path, bool full,
                      std::string_view why) {
  return ErrorBuilder(full ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kUnavailable,
                      full ? Reason::kStoreFull : Reason::kStoreUnavailable)
      .RetryAfter(absl::Seconds(1))
      .Build(fmt::format("could not {} {}: {}", action, path, why));
}

rocksdb::FileOptions PlainFile() {
  rocksdb::FileOptions options;
  options.use_mmap_writes = false;
  return options;
}

absl::Status WriteDurably(rocksdb::FileSystem& files, const std::string& path,
                          std::string_view text) {
  std::unique_ptr<rocksdb::FSWritableFile> file;
  rocksdb::IOStatus status = files.NewWritableFile(path, PlainFile(), &file, nullptr);
  if (!status.ok()) return FileError(path, "create", status);
  const rocksdb::IOOptions io;
  status = file->Append({text.data(), text.size()}, io, nullptr);
  if (!status.ok()) return FileError(path, "write", status);
  if (status = file->Fsync(io, nullptr); !status.ok()) return FileError(path, "sync", status);
  if (status = file->Close(io, nullptr); !status.ok()) return FileError(path, "close", status);
  return absl::OkStatus();
}

}  // namespace

absl::Status FileError(const std::string& path, std::string_view action,
                       const rocksdb::IOStatus& error) {
  return CouldNot(action, path, error.IsNoSpace(), error.ToString());
}

absl::Status FileError(const std::string& path, std::string_view action, int error) {
  return CouldNot(action, path, error == ENOSPC, std::generic_category().message(error));
}

std::shared_ptr<rocksdb::FileSystem> OrTheDisk(std::shared_ptr<rocksdb::FileSystem> files) {
  return files != nullptr ? std::move(files) : rocksdb::FileSystem::Default();
}

absl::StatusOr<std::optional<std::string>> ReadSmallFile(rocksdb::FileSystem& files,
                                                         const std::string& path,
                                                         size_t max_bytes) {
  std::unique_ptr<rocksdb::FSSequentialFile> file;
  rocksdb::FileOptions options = PlainFile();
  options.use_mmap_reads = false;
  rocksdb::IOStatus status = files.NewSequentialFile(path, options, &file, nullptr);
  if (status.IsPathNotFound() || status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return FileError(path, "open", status);
  std::string text(max_bytes, '\0');
  rocksdb::Slice read;
  status = file->Read(max_bytes, rocksdb::IOOptions(), &read, text.data(), nullptr);
  if (!status.ok()) return FileError(path, "read", status);
  return read.ToString();
}

absl::Status ReplaceFile(rocksdb::FileSystem& files, const std::string& path,
                         std::string_view text) {
  const std::string fresh = path + ".new";
  if (auto status = WriteDurably(files, fresh, text); !status.ok()) return status;
  const rocksdb::IOStatus renamed = files.RenameFile(fresh, path, rocksdb::IOOptions(), nullptr);
  if (!renamed.ok()) return FileError(path, "replace", renamed);
  return SyncFolder(files, FolderOf(path));
}

absl::Status SyncFolder(rocksdb::FileSystem& files, const std::string& folder) {
  std::unique_ptr<rocksdb::FSDirectory> directory;
  const rocksdb::IOOptions io;
  rocksdb::IOStatus status = files.NewDirectory(folder, io, &directory, nullptr);
  if (!status.ok()) return FileError(folder, "open", status);
  if (status = directory->Fsync(io, nullptr); !status.ok()) {
    return FileError(folder, "sync", status);
  }
  if (status = directory->Close(io, nullptr); !status.ok()) {
    return FileError(folder, "close", status);
  }
  return absl::OkStatus();
}

absl::Status SyncPath(const std::string& path) {
  const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return FileError(path, "open", errno);
  return fsync(fd.get()) == 0 ? absl::OkStatus() : FileError(path, "sync", errno);
}

std::string FolderOf(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? std::string(".") : parent;
}

}  // namespace claviger
