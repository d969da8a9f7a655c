#include "server/app/disk_reserve.h"

namespace claviger {
namespace {

constexpr uint64_t kBallastPart = 2;
constexpr uint64_t kReductionPart = 4;

}  // namespace

uint64_t BallastBytes(uint64_t reserve_bytes) { return reserve_bytes / kBallastPart; }

void ReserveDisk(uint64_t reserve_bytes, RocksDbStoreOptions& options) {
  options.growth_reserve_bytes = reserve_bytes;
  options.ballast_bytes = BallastBytes(reserve_bytes);
  options.reduction_reserve_bytes = reserve_bytes / kReductionPart;
}

}  // namespace claviger
