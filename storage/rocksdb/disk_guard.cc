#include "storage/rocksdb/disk_guard.h"

#include <string>

#include "core/status.h"
#include "fmt/format.h"

namespace claviger {
namespace {

constexpr absl::Duration kRetryAfter = absl::Seconds(30);
// Between two looks whether there is room again.
constexpr absl::Duration kPoll = absl::Milliseconds(100);
// What a write may need beside its bytes: directories, the file system's own tables.
constexpr uint64_t kSlack = uint64_t{256} << 10;
constexpr uint64_t kBallastStep = uint64_t{1} << 20;
// Compactions stop at this part of the growth mark: what they have begun needs room to end.
constexpr uint64_t kCompactionPart = 2;
// The ballast comes back when so much of the growth mark is free above it: not just to go again.
constexpr uint64_t kRestorePart = 8;

absl::Status Full(std::string message) {
  return ErrorBuilder(absl::StatusCode::kResourceExhausted, Reason::kStoreFull)
      .RetryAfter(kRetryAfter)
      .Build(std::move(message));
}

}  // namespace

absl::Status DiskGuard::Admit(Admission admission) const {
  const absl::StatusOr<uint64_t> free = free_bytes_();
  if (!free.ok()) return free.status();
  return Refusal(admission, *free, BallastBytes());
}

absl::Status DiskGuard::Refusal(Admission admission, uint64_t free, uint64_t ballast) const {
  if (Waits(DiskUse::kEssential)) {
    return Full("the disk of the data folder is full, and a write waits for room");
  }
  if (admission == Admission::kGrowth) {
    if (free >= marks_.growth) return absl::OkStatus();
    return Full(fmt::format(
        "the disk of the data folder has {} MiB free, {} MiB are kept in reserve: until there is "
        "more room, nothing is taken that makes the store larger; revoking goes on",
        free >> 20, marks_.growth >> 20));
  }
  if (free + ballast >= marks_.reduction) return absl::OkStatus();
  return Full(fmt::format(
      "the disk of the data folder has {} MiB free and {} MiB of ballast, {} MiB are kept to end "
      "what was begun: until there is more room, no change is taken; checks go on",
      free >> 20, ballast >> 20, marks_.reduction >> 20));
}

uint64_t DiskGuard::Needed(uint64_t bytes, DiskUse use) const {
  const uint64_t kept = use == DiskUse::kCompaction ? marks_.growth / kCompactionPart : 0;
  return bytes + kSlack + kept;
}

bool DiskGuard::Fits(uint64_t bytes) const {
  const absl::StatusOr<uint64_t> free = free_bytes_();
  return !free.ok() || *free >= Needed(bytes, DiskUse::kEssential);
}

bool DiskGuard::MakeRoom(uint64_t bytes, DiskUse use) {
  if (TryMakeRoom(bytes, use)) return true;
  CountWaiting(use, 1);
  bool fits = false;
  while (!fits && Pause(use)) fits = TryMakeRoom(bytes, use);
  CountWaiting(use, -1);
  return fits;
}

bool DiskGuard::TryMakeRoom(uint64_t bytes, DiskUse use) {
  while (true) {
    const absl::StatusOr<uint64_t> free = free_bytes_();
    // A disk that cannot be measured: the write itself tells.
    if (!free.ok()) return true;
    const uint64_t needed = Needed(bytes, use);
    if (*free >= needed) return true;
    if (use != DiskUse::kEssential || ballast_ == nullptr) return false;
    if (ballast_->GiveBack(needed - *free) == 0) return false;
  }
}

bool DiskGuard::MakeMoreRoom(DiskUse use) {
  if (use == DiskUse::kEssential && ballast_ != nullptr && ballast_->GiveBack(kBallastStep) > 0) {
    return true;
  }
  return Pause(use);
}

absl::Status DiskGuard::WriteSmallFile(const std::function<absl::Status()>& write) {
  absl::Status status = write();
  if (!absl::IsResourceExhausted(status)) return status;
  CountWaiting(DiskUse::kEssential, 1);
  while (absl::IsResourceExhausted(status) && MakeMoreRoom(DiskUse::kEssential)) status = write();
  CountWaiting(DiskUse::kEssential, -1);
  return status;
}

bool DiskGuard::Pause(DiskUse use) {
  const auto index = static_cast<size_t>(use);
  absl::MutexLock lock(&mutex_);
  if (stopped_[index]) return false;
  return !mutex_.AwaitWithTimeout(absl::Condition(&stopped_[index]), kPoll);
}

void DiskGuard::CountWaiting(DiskUse use, int change) {
  absl::MutexLock lock(&mutex_);
  waiting_[static_cast<size_t>(use)] += change;
}

bool DiskGuard::Waits(DiskUse use) const {
  absl::MutexLock lock(&mutex_);
  return waiting_[static_cast<size_t>(use)] > 0;
}

void DiskGuard::StopWaiting(DiskUse use) {
  absl::MutexLock lock(&mutex_);
  stopped_[static_cast<size_t>(use)] = true;
}

absl::Status DiskGuard::RestoreBallast() {
  if (ballast_ == nullptr) return absl::OkStatus();
  const uint64_t has = ballast_->bytes();
  if (has >= ballast_->full_bytes()) return absl::OkStatus();
  const absl::StatusOr<uint64_t> free = free_bytes_();
  if (!free.ok()) return free.status();
  const uint64_t left_free = marks_.growth + marks_.growth / kRestorePart;
  if (*free < left_free + (ballast_->full_bytes() - has)) return absl::OkStatus();
  return ballast_->Fill();
}

void DiskGuard::Describe(StoreHealth& health) const {
  const absl::StatusOr<uint64_t> free = free_bytes_();
  if (!free.ok()) {
    health.growth = health.reduction = free.status();
    return;
  }
  const uint64_t ballast = BallastBytes();
  health.growth = Refusal(Admission::kGrowth, *free, ballast);
  health.reduction = Refusal(Admission::kReduction, *free, ballast);
  health.disk = {.free_bytes = *free,
                 .ballast_bytes = ballast,
                 .full_ballast_bytes = ballast_ == nullptr ? 0 : ballast_->full_bytes(),
                 .growth_mark = marks_.growth,
                 .reduction_mark = marks_.reduction,
                 .compaction_waits = Waits(DiskUse::kCompaction)};
}

}  // namespace claviger
