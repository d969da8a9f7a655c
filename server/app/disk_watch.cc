#include "server/app/disk_watch.h"

#include <string>

#include "server/logging/log.h"

namespace claviger {
namespace {

// So much more than a mark must be there before its end is told: a disk that hovers about it would
// fill the log.
constexpr uint64_t kHysteresisPart = 8;

bool ClearlyAbove(uint64_t bytes, uint64_t mark) { return bytes >= mark + mark / kHysteresisPart; }

}  // namespace

void DiskWatch::Look() {
  const absl::Status restored = store_.restore_ballast();
  const StoreHealth health = store_.health();
  metrics_.SetStoreHealth(health);
  LookAtBallast(restored, health.disk);
  LookAtCompactions(health.disk);
  LookAtDamage(health.damage);
  const Level level = LevelOf(health);
  if (level == level_) return;
  LogLevel(level, health);
  level_ = level;
}

absl::Status DiskWatch::Describe(const StoreHealth& health) {
  // What is said of reductions holds for growth as well.
  return health.reduction.ok() ? health.growth : health.reduction;
}

DiskWatch::Level DiskWatch::LevelOf(const StoreHealth& health) const {
  const DiskSpace& disk = health.disk;
  if (!health.reduction.ok()) return Level::kNoChange;
  if (level_ == Level::kNoChange &&
      !ClearlyAbove(disk.free_bytes + disk.ballast_bytes, disk.reduction_mark)) {
    return Level::kNoChange;
  }
  if (!health.growth.ok()) return Level::kNoGrowth;
  const bool still = level_ != Level::kRoom && !ClearlyAbove(disk.free_bytes, disk.growth_mark);
  return still ? Level::kNoGrowth : Level::kRoom;
}

void DiskWatch::LogLevel(Level level, const StoreHealth& health) const {
  const DiskSpace& disk = health.disk;
  switch (level) {
    case Level::kRoom:
      log::Info("there is room on the disk again: all changes are taken",
                {{"free_bytes", disk.free_bytes}, {"reserve_bytes", disk.growth_mark}});
      return;
    case Level::kNoGrowth:
      if (level_ == Level::kNoChange) {
        log::Warning("there is a little room on the disk again: revoking works, issuing does not",
                     {{"free_bytes", disk.free_bytes}, {"reserve_bytes", disk.growth_mark}});
        return;
      }
      log::Warning("the disk is nearly full: nothing is taken that makes the store larger",
                   {{"why", std::string(health.growth.message())}});
      return;
    case Level::kNoChange:
      log::Error("the disk is full: no change is taken, checks go on",
                 {{"why", std::string(health.reduction.message())}});
      return;
  }
}

void DiskWatch::LookAtBallast(const absl::Status& restored, const DiskSpace& disk) {
  if (!restored.ok() && !ballast_failed_) {
    log::Warning("there is no ballast: a full disk stops every change at once",
                 {{"why", std::string(restored.message())}});
  }
  ballast_failed_ = !restored.ok();
  const bool whole = disk.ballast_bytes == disk.full_ballast_bytes;
  const bool was_whole = ballast_whole_.value_or(true);
  if (whole && !was_whole) {
    log::Info("the ballast is whole again", {{"bytes", disk.ballast_bytes}});
  } else if (!whole && was_whole && restored.ok()) {
    log::Warning(
        "there is no room for all of the ballast: it is given up where nothing else is left",
        {{"bytes", disk.ballast_bytes}, {"whole_bytes", disk.full_ballast_bytes}});
  }
  ballast_whole_ = whole;
}

void DiskWatch::LookAtCompactions(const DiskSpace& disk) {
  if (disk.compaction_waits && !compaction_waits_) {
    log::Warning("tables are not merged until there is more room on the disk",
                 {{"free_bytes", disk.free_bytes}});
  }
  compaction_waits_ = disk.compaction_waits;
}

void DiskWatch::LookAtDamage(const absl::Status& damage) {
  if (!damage.ok() && !damaged_) {
    log::Error("the store is damaged: changes are taken, but what cannot be read is refused",
               {{"why", std::string(damage.message())}});
  }
  damaged_ = !damage.ok();
}

}  // namespace claviger
