// A file system that fails when a test wants it to, and knows what a power loss would leave.
//
//   auto files = std::make_shared<FaultFileSystem>(root, aside);
//   files->Arm({.kind = FaultKind::kFailOnce, .at = files->operations() + 7});
//   ... a store with `file_system = files` ...
//   files->LosePower(PowerLoss::kAllUnsyncedLost, seed);
#ifndef CLAVIGER_TESTS_FAULTS_FAULT_FILE_SYSTEM_H_
#define CLAVIGER_TESTS_FAULTS_FAULT_FILE_SYSTEM_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "rocksdb/file_system.h"
#include "tests/faults/disk_model.h"

namespace claviger {

enum class FileOperation : uint8_t {
  kCreate,
  kOpen,
  kRead,
  kAppend,
  kAllocate,
  kSync,
  kClose,
  kRename,
  kDelete,
  kOpenFolder,
  kSyncFolder,
  kLook,  // size, existence, listing
};
inline constexpr std::array<std::string_view, 12> kFileOperationNames = {
    "create", "open",   "read",   "append",      "allocate",    "sync",
    "close",  "rename", "delete", "open folder", "sync folder", "look"};

enum class FaultKind : uint8_t {
  kNone,
  kFailOnce,  // an append that fails has written half
  kFailFromThenOn,
  kPowerOff,  // the operation happens, and is the last one
  kFlipWritten,
  kFlipRead,
};

struct Fault {
  FaultKind kind = FaultKind::kNone;
  uint64_t at = 0;  // which operation, from 1
  bool no_space = false;
};

// An operation that is about to happen.
struct FileStep {
  uint64_t number = 0;
  FileOperation operation = FileOperation::kLook;
  std::string path;
};

// Over the real disk. Syncing is not passed on: what survives is told by a model of it.
//
// Thread safety: all methods may be called from any thread at once, except LosePower.
class FaultFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  using Observer = std::function<void(const FileStep&)>;

  FaultFileSystem(const std::string& root, const std::string& aside);

  // From now on.
  void Arm(const Fault& fault);
  // Is called before each operation, on its thread.
  void Observe(Observer observer);
  uint64_t operations() const;
  // The one that the fault hit first; number 0: none yet.
  FileStep hit() const;
  // As DiskModel's.
  void LosePower(PowerLoss how, uint32_t seed);

  // For the files of this file system: what to do at an operation.
  struct Verdict {
    rocksdb::IOStatus status;
    bool flip = false;
    bool power = true;
  };
  Verdict Begin(FileOperation operation, const std::string& path);
  // Runs `change` on the model.
  void Note(const std::function<void(DiskModel&)>& change);

  const char* Name() const override { return "FaultFileSystem"; }
  rocksdb::IOStatus NewSequentialFile(const std::string& path, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                      rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewRandomAccessFile(const std::string& path,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                        rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReuseWritableFile(const std::string& path, const std::string& old_path,
                                      const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* file,
                                      rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewRandomRWFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSRandomRWFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* directory,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus FileExists(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetChildren(const std::string& path, const rocksdb::IOOptions& options,
                                std::vector<std::string>* names,
                                rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetFileSize(const std::string& path, const rocksdb::IOOptions& options,
                                uint64_t* size, rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus LinkFile(const std::string& from, const std::string& to,
                             const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override;

 private:
  mutable absl::Mutex mutex_;
  DiskModel disk_ ABSL_GUARDED_BY(mutex_);
  Fault fault_ ABSL_GUARDED_BY(mutex_);
  FileStep hit_ ABSL_GUARDED_BY(mutex_);
  uint64_t operations_ ABSL_GUARDED_BY(mutex_) = 0;
  Observer observer_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace claviger

#endif  // CLAVIGER_TESTS_FAULTS_FAULT_FILE_SYSTEM_H_
