#include "storage/rocksdb/unreadable_tables.h"

#include <string>
#include <string_view>
#include <utility>

namespace claviger {
namespace {

constexpr std::string_view kTableSuffix = ".sst";

rocksdb::IOStatus AsDamage(rocksdb::IOStatus status) {
  if (!status.IsIOError()) return status;
  return rocksdb::IOStatus::Corruption("a table cannot be read", status.ToString());
}

// Thread safety: as rocksdb::FSRandomAccessFile.
class TableFile final : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  using FSRandomAccessFileOwnerWrapper::FSRandomAccessFileOwnerWrapper;

  rocksdb::IOStatus Read(uint64_t offset, size_t n, const rocksdb::IOOptions& options,
                         rocksdb::Slice* result, char* scratch,
                         rocksdb::IODebugContext* debug) const override {
    return AsDamage(target()->Read(offset, n, options, result, scratch, debug));
  }
  rocksdb::IOStatus MultiRead(rocksdb::FSReadRequest* requests, size_t count,
                              const rocksdb::IOOptions& options,
                              rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = AsDamage(target()->MultiRead(requests, count, options, debug));
    for (size_t i = 0; i < count; ++i) requests[i].status = AsDamage(requests[i].status);
    return status;
  }
};

class TableFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;

  const char* Name() const override { return "TableFileSystem"; }

  rocksdb::IOStatus NewRandomAccessFile(const std::string& path,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                        rocksdb::IODebugContext* debug) override {
    std::unique_ptr<rocksdb::FSRandomAccessFile> opened;
    rocksdb::IOStatus status = target()->NewRandomAccessFile(path, options, &opened, debug);
    if (!status.ok()) return status;
    *file = path.ends_with(kTableSuffix) ? std::make_unique<TableFile>(std::move(opened))
                                         : std::move(opened);
    return status;
  }
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> WithUnreadableAsDamage(
    const std::shared_ptr<rocksdb::FileSystem>& base) {
  return std::make_shared<TableFileSystem>(base);
}

}  // namespace claviger
