// Says when the disk of the store fills up, and when there is room again; and when it is damaged.
#ifndef CLAVIGER_SERVER_APP_DISK_WATCH_H_
#define CLAVIGER_SERVER_APP_DISK_WATCH_H_

#include <functional>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "server/metrics/server_metrics.h"
#include "storage/key_store.h"

namespace claviger {

// Looks at the disk from time to time: keeps the gauges, has the ballast made again, and logs a
// line for each mark that is passed, either way, and not for each call that is refused because of
// it. A line as well for damage that the store met at its own work.
//
// Thread safety: Look is for one thread.
class DiskWatch {
 public:
  // The two that it asks a store for; see KeyStore.
  struct Store {
    std::function<StoreHealth()> health;
    std::function<absl::Status()> restore_ballast;
  };

  // `metrics` outlives this.
  DiskWatch(Store store, ServerMetrics& metrics) : store_(std::move(store)), metrics_(metrics) {}

  // Due each second. Blocks on I/O.
  void Look();

  // OK, or what is not done for want of disk space.
  static absl::Status Describe(const StoreHealth& health);

 private:
  enum class Level : uint8_t { kRoom, kNoGrowth, kNoChange };

  Level LevelOf(const StoreHealth& health) const;
  void LogLevel(Level level, const StoreHealth& health) const;
  void LookAtBallast(const absl::Status& restored, const DiskSpace& disk);
  void LookAtCompactions(const DiskSpace& disk);
  void LookAtDamage(const absl::Status& damage);

  const Store store_;
  ServerMetrics& metrics_;
  // What was logged last.
  Level level_ = Level::kRoom;
  bool ballast_failed_ = false;
  std::optional<bool> ballast_whole_;
  bool compaction_waits_ = false;
  bool damaged_ = false;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_APP_DISK_WATCH_H_
