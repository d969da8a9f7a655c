// What went wrong in an open database, for those who look after it.
#ifndef CLAVIGER_STORAGE_ROCKSDB_TROUBLE_H_
#define CLAVIGER_STORAGE_ROCKSDB_TROUBLE_H_

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "rocksdb/listener.h"

namespace claviger {

// Thread safety: all methods may be called from any thread at once.
class Trouble final : public rocksdb::EventListener {
 public:
  // Keeps the first DATA_LOSS.
  void NoteRead(const absl::Status& status);
  // The first damage that a read met; OK: none.
  absl::Status damage() const;
  // Why RocksDB takes no writes any more; OK: it does. Known as soon as a thread in the background
  // has met it, before a write does.
  absl::Status background() const;

  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override;

 private:
  mutable absl::Mutex mutex_;
  absl::Status damage_ ABSL_GUARDED_BY(mutex_);
  absl::Status background_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_TROUBLE_H_
