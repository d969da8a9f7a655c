#include "storage/rocksdb/damaged_merges.h"

#include <algorithm>
#include <utility>

#include "core/status.h"
#include "fmt/format.h"
#include "storage/rocksdb/schema.h"

namespace claviger {

void DamagedMerges::OnCompactionCompleted(rocksdb::DB* /*db*/,
                                          const rocksdb::CompactionJobInfo& merge) {
  if (!IsDamage(merge.status)) return;
  absl::MutexLock lock(&mutex_);
  families_.insert(merge.cf_name);
  if (!damage_.ok()) return;
  damage_ = FromRocksDb(merge.status, fmt::format("merge tables of the family {}", merge.cf_name));
}

void DamagedMerges::OnBackgroundError(rocksdb::BackgroundErrorReason reason,
                                      rocksdb::Status* error) {
  if (reason != rocksdb::BackgroundErrorReason::kCompaction || !IsDamage(*error)) return;
  *error = rocksdb::Status::OK();
}

absl::Status DamagedMerges::damage() const {
  absl::MutexLock lock(&mutex_);
  return damage_;
}

std::set<std::string> DamagedMerges::TakeFamilies() {
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(this, &DamagedMerges::HasNews));
  if (closed_) return {};
  return std::exchange(families_, {});
}

void DamagedMerges::Close() {
  absl::MutexLock lock(&mutex_);
  closed_ = true;
}

MergeStopper::MergeStopper(std::shared_ptr<DamagedMerges> merges, Database& database)
    : merges_(std::move(merges)), database_(database), thread_([this] { Loop(); }) {}

MergeStopper::~MergeStopper() {
  merges_->Close();
  thread_.join();
}

void MergeStopper::Loop() {
  while (true) {
    const std::set<std::string> names = merges_->TakeFamilies();
    if (names.empty()) return;
    for (const std::string& name : names) {
      const auto* known = std::find(kFamilyNames.begin(), kFamilyNames.end(), name);
      if (known == kFamilyNames.end()) continue;  // RocksDB's own, in which there is nothing
      const auto family = static_cast<Family>(known - kFamilyNames.begin());
      // Where it fails, the merge does again in a second and gets here.
      database_.db()
          .SetOptions(database_.family(family), {{"disable_auto_compactions", "true"}})
          .PermitUncheckedError();
    }
  }
}

}  // namespace claviger
