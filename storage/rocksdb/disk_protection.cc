#include "storage/rocksdb/disk_protection.h"

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "core/status.h"
#include "fmt/format.h"
#include "storage/rocksdb/guarded_files.h"

namespace claviger {
namespace {

// What opening writes beside the tables: a log, a manifest, the watermark.
constexpr uint64_t kOpeningBytes = uint64_t{1} << 20;

absl::Status TooFull(std::string message) {
  return ErrorBuilder(absl::StatusCode::kResourceExhausted, Reason::kStoreFull)
      .Build(std::move(message));
}

uint64_t UpToMiB(uint64_t bytes) { return (bytes + (uint64_t{1} << 20) - 1) >> 20; }

// Of the database's logs, which opening brings into tables before it removes them.
uint64_t LogBytes(const std::string& db_path) {
  uint64_t bytes = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator it(db_path, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code vanished;
    if (it->path().extension() != ".log") continue;
    const auto size = it->file_size(vanished);
    if (!vanished) bytes += size;
  }
  return bytes;
}

}  // namespace

DiskProtection::DiskProtection(const DataDir& dir, const RocksDbStoreOptions& options,
                               const std::shared_ptr<rocksdb::FileSystem>& files)
    : free_bytes_(options.free_bytes ? options.free_bytes
                                     : [path = dir.path()] { return FreeBytes(path); }),
      ballast_(dir.ballast_path(), options.ballast_bytes),
      guard_(free_bytes_,
             {.growth = options.growth_reserve_bytes, .reduction = options.reduction_reserve_bytes},
             &ballast_),
      env_(NewGuardedEnv(files, dir.db_path(), guard_)) {}

absl::StatusOr<std::unique_ptr<DiskProtection>> DiskProtection::Create(
    const DataDir& dir, const RocksDbStoreOptions& options,
    const std::shared_ptr<rocksdb::FileSystem>& files) {
  std::unique_ptr<DiskProtection> disk(new DiskProtection(dir, options, files));
  std::error_code error;
  const bool is_new = !std::filesystem::exists(dir.db_path() + "/CURRENT", error);
  const absl::Status fits = is_new ? disk->CheckNewStore(dir, options) : disk->CheckOldStore(dir);
  if (!fits.ok()) return fits;
  // Without a ballast a store works as well, and says that it has none.
  disk->guard_.RestoreBallast().IgnoreError();
  if (!disk->guard_.TryMakeRoom(kOpeningBytes, DiskUse::kEssential)) {
    return TooFull(fmt::format("the disk of {} is full: make room and start again; nothing is lost",
                               dir.path()));
  }
  return disk;
}

absl::Status DiskProtection::CheckNewStore(const DataDir& dir,
                                           const RocksDbStoreOptions& options) const {
  const absl::StatusOr<uint64_t> free = free_bytes_();
  if (!free.ok()) return free.status();
  const uint64_t ballast = ballast_.full_bytes() - ballast_.bytes();
  if (*free >= options.growth_reserve_bytes + ballast) return absl::OkStatus();
  return TooFull(fmt::format(
      "the disk of {} has {} MiB free, too little for a new store: {} MiB stay free "
      "(--disk-reserve), and {} MiB more are set aside in {}; make room, or give a smaller "
      "--disk-reserve, of which half is set aside",
      dir.path(), *free >> 20, UpToMiB(options.growth_reserve_bytes), UpToMiB(ballast),
      ballast_.path()));
}

absl::Status DiskProtection::CheckOldStore(const DataDir& dir) const {
  const absl::StatusOr<uint64_t> free = free_bytes_();
  if (!free.ok()) return free.status();
  const uint64_t needed = LogBytes(dir.db_path()) + kOpeningBytes;
  const uint64_t has = *free + ballast_.bytes();
  if (has >= needed) return absl::OkStatus();
  return TooFull(fmt::format(
      "the disk of {} has {} MiB free and {} MiB of ballast; to open the store {} MiB are needed. "
      "Make room and start again: nothing is lost",
      dir.path(), *free >> 20, ballast_.bytes() >> 20, UpToMiB(needed)));
}

}  // namespace claviger
