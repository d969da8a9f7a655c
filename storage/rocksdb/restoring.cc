#include "storage/rocksdb/restoring.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

#include "core/status.h"
#include "fmt/format.h"
#include "storage/rocksdb/data_dir.h"
#include "storage/rocksdb/durable_files.h"
#include "storage/rocksdb/schema.h"
#include "storage/rocksdb/tuning.h"

namespace claviger {
namespace {

constexpr char kDatabaseFolder[] = "db";
// The log and tables of a first start.
constexpr uint64_t kFirstStartBytes = kMaxMemtableBytes;

absl::Status Refuse(std::string message) {
  return ErrorBuilder(absl::StatusCode::kFailedPrecondition, Reason::kConfigInvalid)
      .Build(std::move(message));
}

absl::Status Damaged(std::string message) {
  return ErrorBuilder(absl::StatusCode::kDataLoss, Reason::kDataCorrupt)
      .Build("the backup is damaged: " + std::move(message));
}

absl::Status MakeFolder(const std::string& path) {
  return mkdir(path.c_str(), S_IRWXU) == 0 ? absl::OkStatus()
                                           : FileError(path, "make the folder", errno);
}

absl::Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FileError(path, "write", errno);
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return absl::OkStatus();
}

// An error that tells of `file` too.
absl::Status About(const std::string& file, const absl::Status& status) {
  return absl::Status(status.code(), fmt::format("{}: {}", file,
                                                 std::string_view(status.message().data(),
                                                                  status.message().size())));
}

}  // namespace

absl::Status BackupUnpacker::OnHeader(const BackupHeader& header) {
  if (header.schema_version != kSchemaVersion) {
    return Refuse(fmt::format(
        "the backup was made by claviger {} with schema version {}, this one is of version {}: "
        "restore it with the version that made it",
        header.claviger_version, header.schema_version, kSchemaVersion));
  }
  const bool has_head = std::any_of(header.files.begin(), header.files.end(),
                                    [](const BackupFile& file) { return file.name == "CURRENT"; });
  if (!has_head) return Damaged("it has no file CURRENT");
  const absl::StatusOr<uint64_t> free = FreeBytes(folder_);
  if (!free.ok()) return free.status();
  const uint64_t needed = header.TotalBytes() + keep_free_ + kFirstStartBytes;
  if (*free < needed) {
    return ErrorBuilder(absl::StatusCode::kResourceExhausted, Reason::kStoreFull)
        .Build(fmt::format("{} has {} MiB free, the backup needs {} MiB: make room, or give "
                           "--data on a larger disk",
                           folder_, *free >> 20, needed >> 20));
  }
  return MakeFolder(folder_ + "/" + kDatabaseFolder);
}

absl::Status BackupUnpacker::OnFile(const BackupFile& file) {
  path_ = fmt::format("{}/{}/{}", folder_, kDatabaseFolder, file.name);
  fd_.Reset(open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  return fd_.get() >= 0 ? absl::OkStatus() : FileError(path_, "make", errno);
}

absl::Status BackupUnpacker::OnBytes(std::string_view bytes) {
  return WriteAll(fd_.get(), bytes, path_);
}

absl::Status BackupUnpacker::OnFileEnd() {
  if (fsync(fd_.get()) != 0) return FileError(path_, "sync", errno);
  fd_.Reset();
  return SyncPath(folder_ + "/" + kDatabaseFolder);
}

absl::StatusOr<BackupHeader> ReadBackup(const std::string& file, BackupSink* sink) {
  const bool from_input = file == "-";
  FileDescriptor opened(from_input ? -1 : open(file.c_str(), O_RDONLY | O_CLOEXEC));
  const int fd = from_input ? STDIN_FILENO : opened.get();
  if (fd < 0) return FileError(file, "open the backup", errno);
  BackupDecoder decoder(sink);
  std::string piece(size_t{1} << 20, '\0');
  for (;;) {
    const ssize_t count = read(fd, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FileError(file, "read the backup", errno);
    if (count == 0) break;
    const absl::Status added =
        decoder.Add(std::string_view(piece).substr(0, static_cast<size_t>(count)));
    if (!added.ok()) return About(file, added);
  }
  if (absl::Status s = decoder.Finish(); !s.ok()) return About(file, s);
  return *decoder.header();
}

absl::StatusOr<FullScanReport> ScanUnpacked(const std::string& folder, const BackupHeader& header,
                                            size_t memory_bytes, const Clock& clock,
                                            absl::Duration usage_retention) {
  const auto database = Database::Open(folder + "/" + kDatabaseFolder,
                                       MakeTuning(memory_bytes, clock, usage_retention));
  if (!database.ok()) return database.status();
  absl::StatusOr<FullScanReport> report = ScanEverything(**database);
  if (!report.ok()) return report;
  const PersistedState& state = report->state;
  if (state.epoch != header.epoch || state.revision != header.head.revision ||
      state.audit_head != header.head.hash) {
    return Damaged(fmt::format(
        "its header says revision {} of epoch {}, its database is at revision {} of epoch {}",
        header.head.revision.value, header.epoch.ToHex(), state.revision.value,
        state.epoch.ToHex()));
  }
  return report;
}

}  // namespace claviger
