// How far the store had come when it last told a caller so, kept outside of the database: a store
// that is found behind it has lost acknowledged changes.
//
//   watermark = "claviger-watermark 1" LF
//               "epoch " 32 lower-case hexadecimal digits LF
//               "revision " decimal LF
//               "crc32 " 8 lower-case hexadecimal digits LF     of all bytes before this line
#ifndef CLAVIGER_STORAGE_ROCKSDB_WATERMARK_H_
#define CLAVIGER_STORAGE_ROCKSDB_WATERMARK_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/revision.h"
#include "rocksdb/file_system.h"

namespace claviger {

struct Watermark {
  Epoch epoch;
  Revision revision;

  friend bool operator==(const Watermark&, const Watermark&) = default;
};

std::string RenderWatermark(const Watermark& watermark);
// nullopt unless `text` is exactly what RenderWatermark makes.
std::optional<Watermark> ParseWatermark(std::string_view text);

// nullopt: no such file. DATA_LOSS `DATA_CORRUPT`: the file is damaged. `files` may be null: the
// disk.
absl::StatusOr<std::optional<Watermark>> ReadWatermark(
    const std::string& path, const std::shared_ptr<rocksdb::FileSystem>& files = nullptr);
// Durable when it returns OK; a crash leaves the old file or the new one, whole. RESOURCE_EXHAUSTED
// `STORE_FULL`: no room on the disk, and the old file is as it was.
absl::Status WriteWatermark(const std::string& path, const Watermark& watermark,
                            const std::shared_ptr<rocksdb::FileSystem>& files = nullptr);

// Writes the watermark behind the commits on a thread of its own, so that no commit waits for it.
//
// Thread safety: all methods may be called from any thread at once, except Close.
class WatermarkKeeper {
 public:
  using ErrorFunction = std::function<void(const absl::Status&)>;
  using WriteFunction = std::function<absl::Status(const std::string& path, const Watermark&)>;

  // `start` is what the file has. `write` writes it, like WriteWatermark, on the keeper's thread. A
  // failed write is reported to `on_error`, there too, and ends the writing.
  WatermarkKeeper(
      std::string path, const Watermark& start, absl::Duration interval, ErrorFunction on_error,
      WriteFunction write = [](const std::string& path, const Watermark& watermark) {
        return WriteWatermark(path, watermark);
      });
  ~WatermarkKeeper();

  WatermarkKeeper(const WatermarkKeeper&) = delete;
  WatermarkKeeper& operator=(const WatermarkKeeper&) = delete;

  // `revision` is durable. Returns at once.
  void Advance(Revision revision);
  // Writes what is missing. Idempotent.
  void Close();

 private:
  void Loop();
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return closing_ || written_ < wanted_;
  }

  const std::string path_;
  const Epoch epoch_;
  const absl::Duration interval_;
  const ErrorFunction on_error_;
  const WriteFunction write_;

  absl::Mutex mutex_;
  Revision wanted_ ABSL_GUARDED_BY(mutex_);
  Revision written_ ABSL_GUARDED_BY(mutex_);
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;
};

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_WATERMARK_H_
