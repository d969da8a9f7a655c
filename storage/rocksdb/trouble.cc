#include "storage/rocksdb/trouble.h"

#include "storage/rocksdb/database.h"

namespace claviger {

void Trouble::NoteRead(const absl::Status& status) {
  if (!absl::IsDataLoss(status)) return;
  absl::MutexLock lock(&mutex_);
  if (damage_.ok()) damage_ = status;
}

absl::Status Trouble::damage() const {
  absl::MutexLock lock(&mutex_);
  return damage_;
}

absl::Status Trouble::background() const {
  absl::MutexLock lock(&mutex_);
  return background_;
}

void Trouble::OnBackgroundError(rocksdb::BackgroundErrorReason /*reason*/, rocksdb::Status* error) {
  const absl::Status status = FromRocksDb(*error, "write the store's files");
  NoteRead(status);
  absl::MutexLock lock(&mutex_);
  if (background_.ok()) background_ = status;
}

}  // namespace claviger
