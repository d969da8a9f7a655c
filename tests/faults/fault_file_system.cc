#include "tests/faults/fault_file_system.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace claviger {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

void FlipMiddleBit(std::string& bytes) {
  if (!bytes.empty()) bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x10);
}

class FaultWritableFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultWritableFile(std::unique_ptr<rocksdb::FSWritableFile> target, FaultFileSystem& files,
                    std::string path, std::shared_ptr<ModelFile> model)
      : FSWritableFileOwnerWrapper(std::move(target)),
        files_(files),
        path_(std::move(path)),
        model_(std::move(model)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    const FaultFileSystem::Verdict verdict = files_.Begin(FileOperation::kAppend, path_);
    if (!verdict.power) return verdict.status;
    std::string bytes = data.ToString();
    if (!verdict.status.ok()) bytes.resize(bytes.size() / 2);
    if (verdict.flip) FlipMiddleBit(bytes);
    if (IOStatus s = target()->Append(bytes, options, debug); !s.ok()) return s;
    files_.Note([&](DiskModel&) { model_->length += bytes.size(); });
    return verdict.status;
  }
  // What found no room is written again, in its place.
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& options,
                            IODebugContext* debug) override {
    const FaultFileSystem::Verdict verdict = files_.Begin(FileOperation::kAppend, path_);
    if (!verdict.status.ok()) return verdict.status;
    if (IOStatus s = target()->PositionedAppend(data, offset, options, debug); !s.ok()) return s;
    files_.Note([&](DiskModel&) {
      model_->length = std::max<uint64_t>(model_->length, offset + data.size());
    });
    return IOStatus::OK();
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& /*info*/, IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& options,
                            const rocksdb::DataVerificationInfo& /*info*/,
                            IODebugContext* debug) override {
    return PositionedAppend(data, offset, options, debug);
  }
  IOStatus Sync(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    if (IOStatus s = files_.Begin(FileOperation::kSync, path_).status; !s.ok()) return s;
    files_.Note([&](DiskModel&) { model_->durable = model_->length; });
    return IOStatus::OK();
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return Sync(options, debug);
  }
  // Promises nothing.
  IOStatus RangeSync(uint64_t /*offset*/, uint64_t /*bytes*/, const IOOptions& /*options*/,
                     IODebugContext* /*debug*/) override {
    return files_.Begin(FileOperation::kSync, path_).status;
  }
  IOStatus Allocate(uint64_t offset, uint64_t length, const IOOptions& options,
                    IODebugContext* debug) override {
    if (IOStatus s = files_.Begin(FileOperation::kAllocate, path_).status; !s.ok()) return s;
    return target()->Allocate(offset, length, options, debug);
  }
  void PrepareWrite(size_t offset, size_t length, const IOOptions& options,
                    IODebugContext* debug) override {
    // Calls our Allocate, where there is something to allocate.
    rocksdb::FSWritableFile::PrepareWrite(offset, length, options, debug);
  }
  void SetPreallocationBlockSize(size_t size) override {
    rocksdb::FSWritableFile::SetPreallocationBlockSize(size);
    target()->SetPreallocationBlockSize(size);
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    const IOStatus wanted = files_.Begin(FileOperation::kClose, path_).status;
    IOStatus closed = target()->Close(options, debug);
    return wanted.ok() ? closed : wanted;
  }

 private:
  FaultFileSystem& files_;
  const std::string path_;
  const std::shared_ptr<ModelFile> model_;
};

// Puts what was read into `scratch` with a bit flipped.
void FlipRead(Slice* result, char* scratch) {
  std::string bytes = result->ToString();
  FlipMiddleBit(bytes);
  bytes.copy(scratch, bytes.size());
  *result = Slice(scratch, bytes.size());
}

class FaultSequentialFile final : public rocksdb::FSSequentialFileOwnerWrapper {
 public:
  FaultSequentialFile(std::unique_ptr<rocksdb::FSSequentialFile> target, FaultFileSystem& files,
                      std::string path)
      : FSSequentialFileOwnerWrapper(std::move(target)), files_(files), path_(std::move(path)) {}

  IOStatus Read(size_t size, const IOOptions& options, Slice* result, char* scratch,
                IODebugContext* debug) override {
    const FaultFileSystem::Verdict verdict = files_.Begin(FileOperation::kRead, path_);
    if (!verdict.status.ok()) return verdict.status;
    if (IOStatus s = target()->Read(size, options, result, scratch, debug); !s.ok()) return s;
    if (verdict.flip) FlipRead(result, scratch);
    return IOStatus::OK();
  }

 private:
  FaultFileSystem& files_;
  const std::string path_;
};

class FaultRandomAccessFile final : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  FaultRandomAccessFile(std::unique_ptr<rocksdb::FSRandomAccessFile> target, FaultFileSystem& files,
                        std::string path)
      : FSRandomAccessFileOwnerWrapper(std::move(target)), files_(files), path_(std::move(path)) {}

  IOStatus Read(uint64_t offset, size_t size, const IOOptions& options, Slice* result,
                char* scratch, IODebugContext* debug) const override {
    const FaultFileSystem::Verdict verdict = files_.Begin(FileOperation::kRead, path_);
    if (!verdict.status.ok()) return verdict.status;
    if (IOStatus s = target()->Read(offset, size, options, result, scratch, debug); !s.ok()) {
      return s;
    }
    if (verdict.flip) FlipRead(result, scratch);
    return IOStatus::OK();
  }
  IOStatus MultiRead(rocksdb::FSReadRequest* requests, size_t count, const IOOptions& options,
                     IODebugContext* debug) override {
    for (size_t i = 0; i < count; ++i) {
      rocksdb::FSReadRequest& r = requests[i];
      r.status = Read(r.offset, r.len, options, &r.result, r.scratch, debug);
    }
    return IOStatus::OK();
  }

 private:
  FaultFileSystem& files_;
  const std::string path_;
};

class FaultDirectory final : public rocksdb::FSDirectoryWrapper {
 public:
  FaultDirectory(std::unique_ptr<rocksdb::FSDirectory> target, FaultFileSystem& files,
                 std::string path)
      : FSDirectoryWrapper(std::move(target)), files_(files), path_(std::move(path)) {
    while (path_.ends_with('/')) path_.pop_back();
  }

  IOStatus Fsync(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    if (IOStatus s = files_.Begin(FileOperation::kSyncFolder, path_).status; !s.ok()) return s;
    files_.Note([&](DiskModel& disk) { disk.FolderSynced(path_); });
    return IOStatus::OK();
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& /*reason*/) override {
    return Fsync(options, debug);
  }

 private:
  FaultFileSystem& files_;
  std::string path_;
};

}  // namespace

FaultFileSystem::FaultFileSystem(const std::string& root, const std::string& aside)
    : FileSystemWrapper(rocksdb::FileSystem::Default()), disk_(root, aside) {}

void FaultFileSystem::Arm(const Fault& fault) {
  absl::MutexLock lock(&mutex_);
  fault_ = fault;
  hit_ = {};
}

void FaultFileSystem::Observe(Observer observer) {
  absl::MutexLock lock(&mutex_);
  observer_ = std::move(observer);
}

uint64_t FaultFileSystem::operations() const {
  absl::MutexLock lock(&mutex_);
  return operations_;
}

FileStep FaultFileSystem::hit() const {
  absl::MutexLock lock(&mutex_);
  return hit_;
}

void FaultFileSystem::LosePower(PowerLoss how, uint32_t seed) {
  absl::MutexLock lock(&mutex_);
  disk_.LosePower(how, seed);
}

void FaultFileSystem::Note(const std::function<void(DiskModel&)>& change) {
  absl::MutexLock lock(&mutex_);
  change(disk_);
}

FaultFileSystem::Verdict FaultFileSystem::Begin(FileOperation operation, const std::string& path) {
  FileStep step;
  Verdict verdict;
  Observer observer;
  {
    absl::MutexLock lock(&mutex_);
    step = {.number = ++operations_, .operation = operation, .path = path};
    const bool is_it = operations_ == fault_.at;
    bool fails = false;
    switch (fault_.kind) {
      case FaultKind::kNone:
        break;
      case FaultKind::kFailOnce:
        fails = is_it;
        break;
      case FaultKind::kFailFromThenOn:
        fails = operations_ >= fault_.at;
        break;
      case FaultKind::kPowerOff:
        fails = operations_ > fault_.at;
        verdict.power = !fails;
        break;
      case FaultKind::kFlipWritten:
        verdict.flip = is_it && operation == FileOperation::kAppend;
        break;
      case FaultKind::kFlipRead:
        verdict.flip = is_it && operation == FileOperation::kRead;
        break;
    }
    if (fails) {
      verdict.status = fault_.no_space ? IOStatus::NoSpace("no space: the test wants it", path)
                                       : IOStatus::IOError("the test wants it", path);
    }
    const bool acts = fault_.kind == FaultKind::kPowerOff ? is_it : fails || verdict.flip;
    if (acts && hit_.number == 0) hit_ = step;
    observer = observer_;
  }
  if (observer) observer(step);
  return verdict;
}

IOStatus FaultFileSystem::NewSequentialFile(const std::string& path,
                                            const rocksdb::FileOptions& options,
                                            std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                            IODebugContext* debug) {
  if (IOStatus s = Begin(FileOperation::kOpen, path).status; !s.ok()) return s;
  std::unique_ptr<rocksdb::FSSequentialFile> opened;
  if (IOStatus s = target_->NewSequentialFile(path, options, &opened, debug); !s.ok()) return s;
  *file = std::make_unique<FaultSequentialFile>(std::move(opened), *this, path);
  return IOStatus::OK();
}

IOStatus FaultFileSystem::NewRandomAccessFile(const std::string& path,
                                              const rocksdb::FileOptions& options,
                                              std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                              IODebugContext* debug) {
  if (IOStatus s = Begin(FileOperation::kOpen, path).status; !s.ok()) return s;
  std::unique_ptr<rocksdb::FSRandomAccessFile> opened;
  if (IOStatus s = target_->NewRandomAccessFile(path, options, &opened, debug); !s.ok()) return s;
  *file = std::make_unique<FaultRandomAccessFile>(std::move(opened), *this, path);
  return IOStatus::OK();
}

IOStatus FaultFileSystem::NewWritableFile(const std::string& path,
                                          const rocksdb::FileOptions& options,
                                          std::unique_ptr<rocksdb::FSWritableFile>* file,
                                          IODebugContext* debug) {
  if (IOStatus s = Begin(FileOperation::kCreate, path).status; !s.ok()) return s;
  std::unique_ptr<rocksdb::FSWritableFile> opened;
  if (IOStatus s = target_->NewWritableFile(path, options, &opened, debug); !s.ok()) return s;
  auto model = std::make_shared<ModelFile>();
  Note([&](DiskModel& disk) { model = disk.Created(path); });
  *file = std::make_unique<FaultWritableFile>(std::move(opened), *this, path, std::move(model));
  return IOStatus::OK();
}

IOStatus FaultFileSystem::ReopenWritableFile(const std::string& /*path*/,
                                             const rocksdb::FileOptions& /*options*/,
                                             std::unique_ptr<rocksdb::FSWritableFile>* /*file*/,
                                             IODebugContext* /*debug*/) {
  return IOStatus::NotSupported("no file is written to again");
}

IOStatus FaultFileSystem::ReuseWritableFile(const std::string& /*path*/,
                                            const std::string& /*old_path*/,
                                            const rocksdb::FileOptions& /*options*/,
                                            std::unique_ptr<rocksdb::FSWritableFile>* /*file*/,
                                            IODebugContext* /*debug*/) {
  return IOStatus::NotSupported("no file is used again");
}

IOStatus FaultFileSystem::NewRandomRWFile(const std::string& /*path*/,
                                          const rocksdb::FileOptions& /*options*/,
                                          std::unique_ptr<rocksdb::FSRandomRWFile>* /*file*/,
                                          IODebugContext* /*debug*/) {
  return IOStatus::NotSupported("files are only appended to");
}

IOStatus FaultFileSystem::NewDirectory(const std::string& path, const IOOptions& options,
                                       std::unique_ptr<rocksdb::FSDirectory>* directory,
                                       IODebugContext* debug) {
  if (IOStatus s = Begin(FileOperation::kOpenFolder, path).status; !s.ok()) return s;
  std::unique_ptr<rocksdb::FSDirectory> opened;
  if (IOStatus s = target_->NewDirectory(path, options, &opened, debug); !s.ok()) return s;
  *directory = std::make_unique<FaultDirectory>(std::move(opened), *this, path);
  return IOStatus::OK();
}

IOStatus FaultFileSystem::FileExists(const std::string& path, const IOOptions& options,
                                     IODebugContext* debug) {
  if (IOStatus s = Begin(FileOperation::kLook, path).status; !s.ok()) return s;
  return target_->FileExists(path, options, debug);
}

IOStatus FaultFileSystem::GetChildren(const std::string& path, const IOOptions& options,
                                      std::vector<std::string>* names, IODebugContext* debug) {
  if (IOStatus s = Begin(FileOperation::kLook, path).status; !s.ok()) return s;
  return target_->GetChildren(path, options, names, debug);
}

IOStatus FaultFileSystem::GetFileSize(const std::string& path, const IOOptions& options,
                                      uint64_t* size, IODebugContext* debug) {
  if (IOStatus s = Begin(FileOperation::kLook, path).status; !s.ok()) return s;
  return target_->GetFileSize(path, options, size, debug);
}

IOStatus FaultFileSystem::DeleteFile(const std::string& path, const IOOptions& options,
                                     IODebugContext* debug) {
  if (IOStatus s = Begin(FileOperation::kDelete, path).status; !s.ok()) return s;
  if (IOStatus s = target_->DeleteFile(path, options, debug); !s.ok()) return s;
  Note([&](DiskModel& disk) { disk.Deleted(path); });
  return IOStatus::OK();
}

IOStatus FaultFileSystem::RenameFile(const std::string& from, const std::string& to,
                                     const IOOptions& options, IODebugContext* debug) {
  if (IOStatus s = Begin(FileOperation::kRename, from).status; !s.ok()) return s;
  if (IOStatus s = target_->RenameFile(from, to, options, debug); !s.ok()) return s;
  Note([&](DiskModel& disk) { disk.Renamed(from, to); });
  return IOStatus::OK();
}

IOStatus FaultFileSystem::LinkFile(const std::string& from, const std::string& to,
                                   const IOOptions& options, IODebugContext* debug) {
  if (IOStatus s = Begin(FileOperation::kRename, from).status; !s.ok()) return s;
  if (IOStatus s = target_->LinkFile(from, to, options, debug); !s.ok()) return s;
  Note([&](DiskModel& disk) { disk.Linked(from, to); });
  return IOStatus::OK();
}

}  // namespace claviger
