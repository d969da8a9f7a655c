#include "storage/rocksdb/guarded_files.h"

#include <cstdarg>
#include <string_view>
#include <utility>

namespace claviger {
namespace {

// What making a file takes from the disk, at most.
constexpr uint64_t kFileBytes = uint64_t{64} << 10;
constexpr uint64_t kLogLineBytes = uint64_t{64} << 10;
constexpr std::string_view kTableSuffix = ".sst";

rocksdb::IOStatus NoRoom(const std::string& path) {
  return rocksdb::IOStatus::NoSpace("the disk is full and the store closes", path);
}

// A file that waits for room before each write.
//
// Thread safety: as rocksdb::FSWritableFile.
class GuardedFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  GuardedFile(std::unique_ptr<rocksdb::FSWritableFile> file, std::string path, DiskGuard& guard)
      : FSWritableFileOwnerWrapper(std::move(file)), path_(std::move(path)), guard_(guard) {}

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    if (!guard_.MakeRoom(data.size(), use_)) return NoRoom(path_);
    rocksdb::IOStatus status = AppendOnce(data, options, debug);
    while (status.IsNoSpace()) {
      // A part of it may be in the file, and the file's position behind that part: from here on
      // each write says where it belongs.
      by_position_ = true;
      if (!guard_.MakeMoreRoom(use_)) return status;
      status = AppendOnce(data, options, debug);
    }
    if (status.ok()) size_ += data.size();
    return status;
  }

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& /*verification*/,
                           rocksdb::IODebugContext* debug) override {
    return Append(data, options, debug);
  }

  // RocksDB cuts files to what it has written only; then nothing changes here.
  rocksdb::IOStatus Truncate(uint64_t size, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = target()->Truncate(size, options, debug);
    if (status.ok() && size != size_) {
      size_ = size;
      by_position_ = true;
    }
    return status;
  }

  // Tables are written by compactions at low priority, by flushes at a higher one.
  void SetIOPriority(rocksdb::Env::IOPriority priority) override {
    FSWritableFileOwnerWrapper::SetIOPriority(priority);
    target()->SetIOPriority(priority);
    const bool waits = path_.ends_with(kTableSuffix) && priority == rocksdb::Env::IO_LOW;
    use_ = waits ? DiskUse::kCompaction : DiskUse::kEssential;
  }
  rocksdb::Env::IOPriority GetIOPriority() override { return target()->GetIOPriority(); }

 private:
  rocksdb::IOStatus AppendOnce(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) {
    return by_position_ ? target()->PositionedAppend(data, size_, options, debug)
                        : target()->Append(data, options, debug);
  }

  const std::string path_;
  DiskGuard& guard_;
  DiskUse use_ = DiskUse::kEssential;
  uint64_t size_ = 0;  // that was written as a whole
  bool by_position_ = false;
};

// RocksDB's own log. Its lines are not worth waiting for, least of all while RocksDB holds its
// lock.
//
// Thread safety: as rocksdb::Logger.
class GuardedLogger final : public rocksdb::Logger {
 public:
  GuardedLogger(std::shared_ptr<rocksdb::Logger> logger, const DiskGuard& guard)
      : Logger(logger->GetInfoLogLevel()), logger_(std::move(logger)), guard_(guard) {}
  ~GuardedLogger() override {
    if (!closed_) Close().PermitUncheckedError();
  }

  using Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    if (guard_.Fits(kLogLineBytes)) logger_->Logv(format, arguments);
  }
  size_t GetLogFileSize() const override { return logger_->GetLogFileSize(); }
  void Flush() override {
    if (guard_.Fits(kLogLineBytes)) logger_->Flush();
  }

 protected:
  rocksdb::Status CloseImpl() override { return logger_->Close(); }

 private:
  const std::shared_ptr<rocksdb::Logger> logger_;
  const DiskGuard& guard_;
};

class GuardedFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  GuardedFileSystem(const std::shared_ptr<rocksdb::FileSystem>& base, std::string folder,
                    DiskGuard& guard)
      : FileSystemWrapper(base), folder_(std::move(folder) + "/"), guard_(guard) {}

  const char* Name() const override { return "GuardedFileSystem"; }

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    if (!path.starts_with(folder_)) return target()->NewWritableFile(path, options, file, debug);
    if (!guard_.MakeRoom(kFileBytes, DiskUse::kEssential)) return NoRoom(path);
    std::unique_ptr<rocksdb::FSWritableFile> made;
    rocksdb::IOStatus status = target()->NewWritableFile(path, options, &made, debug);
    while (status.IsNoSpace() && guard_.MakeMoreRoom(DiskUse::kEssential)) {
      status = target()->NewWritableFile(path, options, &made, debug);
    }
    if (status.ok()) *file = std::make_unique<GuardedFile>(std::move(made), path, guard_);
    return status;
  }

  rocksdb::IOStatus NewLogger(const std::string& path, const rocksdb::IOOptions& options,
                              std::shared_ptr<rocksdb::Logger>* logger,
                              rocksdb::IODebugContext* debug) override {
    std::shared_ptr<rocksdb::Logger> made;
    rocksdb::IOStatus status = target()->NewLogger(path, options, &made, debug);
    if (status.ok()) *logger = std::make_shared<GuardedLogger>(std::move(made), guard_);
    return status;
  }

 private:
  const std::string folder_;
  DiskGuard& guard_;
};

}  // namespace

std::unique_ptr<rocksdb::Env> NewGuardedEnv(const std::shared_ptr<rocksdb::FileSystem>& base,
                                            std::string folder, DiskGuard& guard) {
  return rocksdb::NewCompositeEnv(
      std::make_shared<GuardedFileSystem>(base, std::move(folder), guard));
}

}  // namespace claviger
