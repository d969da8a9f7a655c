#include "storage/rocksdb/damaged_compactions.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/status.h"
#include "fmt/format.h"
#include "storage/rocksdb/schema.h"

namespace claviger {
namespace {

// What RocksDB says where its list of tables contradicts itself: nothing to go on with.
constexpr std::string_view kContradiction = "VersionBuilder";

bool IsForgiven(const rocksdb::Status& status) {
  return IsDamage(status) && status.ToString().find(kContradiction) == std::string::npos;
}

}  // namespace

void DamagedCompactions::OnCompactionCompleted(rocksdb::DB* /*db*/,
                                               const rocksdb::CompactionJobInfo& compaction) {
  if (!IsForgiven(compaction.status)) return;
  absl::MutexLock lock(&mutex_);
  if (++failures_[compaction.cf_name] < kTries) return;
  families_.insert(compaction.cf_name);
  if (!damage_.ok()) return;
  damage_ = FromRocksDb(compaction.status,
                        fmt::format("compact tables of the family {}", compaction.cf_name));
}

void DamagedCompactions::OnBackgroundError(rocksdb::BackgroundErrorReason reason,
                                           rocksdb::Status* error) {
  if (reason != rocksdb::BackgroundErrorReason::kCompaction || !IsForgiven(*error)) return;
  *error = rocksdb::Status::OK();
}

absl::Status DamagedCompactions::damage() const {
  absl::MutexLock lock(&mutex_);
  return damage_;
}

std::set<std::string> DamagedCompactions::TakeFamilies() {
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(this, &DamagedCompactions::HasNews));
  if (closed_) return {};
  return std::exchange(families_, {});
}

void DamagedCompactions::Close() {
  absl::MutexLock lock(&mutex_);
  closed_ = true;
}

CompactionStopper::CompactionStopper(std::shared_ptr<DamagedCompactions> compactions,
                                     Database& database)
    : compactions_(std::move(compactions)), database_(database), thread_([this] { Loop(); }) {}

CompactionStopper::~CompactionStopper() {
  compactions_->Close();
  thread_.join();
}

void CompactionStopper::Loop() {
  while (true) {
    const std::set<std::string> names = compactions_->TakeFamilies();
    if (names.empty()) return;
    for (const std::string& name : names) {
      const auto* known = std::find(kFamilyNames.begin(), kFamilyNames.end(), name);
      if (known == kFamilyNames.end()) continue;  // RocksDB's own, in which there is nothing
      const auto family = static_cast<Family>(known - kFamilyNames.begin());
      // Where it fails, the compaction does again in a second and gets here.
      database_.db()
          .SetOptions(database_.family(family), {{"disable_auto_compactions", "true"}})
          .PermitUncheckedError();
    }
  }
}

}  // namespace claviger
