// What --disk-reserve means for a store.
#ifndef CLAVIGER_SERVER_APP_DISK_RESERVE_H_
#define CLAVIGER_SERVER_APP_DISK_RESERVE_H_

#include <cstdint>

#include "storage/rocksdb/options.h"

namespace claviger {

// What is set aside on the disk where `reserve_bytes` are to stay free.
uint64_t BallastBytes(uint64_t reserve_bytes);

// Derives from the one setting what the store is told: growth stops below `reserve_bytes` of free
// space, BallastBytes are set aside, a quarter is the mark of reductions.
void ReserveDisk(uint64_t reserve_bytes, RocksDbStoreOptions& options);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_APP_DISK_RESERVE_H_
