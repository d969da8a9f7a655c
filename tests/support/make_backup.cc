#include "tests/support/make_backup.h"

#include <fstream>
#include <memory>

#include "core/platform/system_clock.h"
#include "core/platform/system_random.h"
#include "storage/rocksdb/rocksdb_store.h"

namespace claviger {

absl::Status MakeBackup(const std::string& data_dir, const std::string& file) {
  const SystemClock clock;
  SystemRandom random;
  RocksDbStoreOptions options;
  options.data_dir = data_dir;
  options.clock = &clock;
  options.random = &random;
  options.memory_bytes = RocksDbStoreOptions::kMinMemoryBytes;
  const absl::StatusOr<std::unique_ptr<RocksDbStore>> store = RocksDbStore::Open(options);
  if (!store.ok()) return store.status();
  const auto stream = (*store)->BeginBackup((*store)->applied_revision(), "1.2.3");
  if (!stream.ok()) return stream.status();
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  for (;;) {
    const absl::StatusOr<std::string> piece = (*stream)->Next();
    if (!piece.ok()) return piece.status();
    if (piece->empty()) break;
    out << *piece;
  }
  out.close();
  return out ? absl::OkStatus() : absl::InternalError("cannot write " + file);
}

}  // namespace claviger
