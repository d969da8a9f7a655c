// A file that is there to be given up: disk space that nobody else can take, for the time when
// there is no other.
#ifndef CLAVIGER_STORAGE_ROCKSDB_BALLAST_H_
#define CLAVIGER_STORAGE_ROCKSDB_BALLAST_H_

#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace claviger {

// Nothing is read from the file: only its blocks matter. It shrinks from its end in steps of a
// mebibyte, and only by as much as is asked for, so that whoever else fills the disk finds little
// of it.
//
// Thread safety: all methods may be called from any thread at once.
class Ballast {
 public:
  // Takes over the file at `path` as far as it has blocks, cut to `full_bytes`. Makes nothing yet.
  // 0: none is wanted, and one that is there goes.
  Ballast(std::string path, uint64_t full_bytes);

  Ballast(const Ballast&) = delete;
  Ballast& operator=(const Ballast&) = delete;

  const std::string& path() const { return path_; }
  uint64_t full_bytes() const { return full_bytes_; }
  // What it can give back now.
  uint64_t bytes() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Makes it whole. After an error, which names the file, it has what it had: UNAVAILABLE
  // `STORE_UNAVAILABLE`, also where the file system cannot set blocks aside.
  absl::Status Fill() ABSL_LOCKS_EXCLUDED(mutex_);
  // Gives back `bytes` and at most a mebibyte more, or all that there is. Returns how much; 0 also
  // when the file cannot be cut.
  uint64_t GiveBack(uint64_t bytes) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  const std::string path_;
  const uint64_t full_bytes_;
  mutable absl::Mutex mutex_;
  uint64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_BALLAST_H_
