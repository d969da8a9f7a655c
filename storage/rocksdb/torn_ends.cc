#include "storage/rocksdb/torn_ends.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "rocksdb/file_checksum.h"
#include "storage/rocksdb/durable_files.h"

namespace claviger {
namespace {

// RocksDB's log format: blocks of records, none across the end of a block.
//   record = masked CRC-32C of all that follows but the length, u32; length, u16; type, u8; bytes
// Little endian. Less than a header at the end of a block is padding.
constexpr uint64_t kBlockBytes = 32768;
constexpr uint64_t kHeaderBytes = 7;
constexpr uint8_t kFull = 1;
constexpr uint8_t kFirst = 2;
constexpr uint8_t kLast = 4;
// What a disk writes as a whole or not at all.
constexpr uint64_t kSectorBytes = 512;

uint8_t ByteAt(std::string_view bytes, uint64_t at) { return static_cast<uint8_t>(bytes[at]); }

uint32_t MaskedChecksum(std::string_view bytes) {
  rocksdb::FileChecksumGenContext context;
  context.requested_checksum_func_name = "FileChecksumCrc32c";
  const auto checksum =
      rocksdb::GetFileChecksumGenCrc32cFactory()->CreateFileChecksumGenerator(context);
  checksum->Update(bytes.data(), bytes.size());
  checksum->Finalize();
  uint32_t crc = 0;
  for (const char byte : checksum->GetChecksum()) crc = crc << 8 | static_cast<uint8_t>(byte);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

// A record, or what stands where one should begin.
struct Record {
  bool good = false;
  bool begins = false;  // if good: the first or only part of a batch
  uint64_t bytes = 0;   // up to where the next one may begin; all that is left where nobody knows
};

Record LookAt(std::string_view rest) {
  const uint64_t length = ByteAt(rest, 4) | ByteAt(rest, 5) << 8;
  const uint8_t type = ByteAt(rest, 6);
  if (type < kFull || type > kLast || kHeaderBytes + length > rest.size()) {
    return {.bytes = rest.size()};
  }
  uint32_t stored = 0;
  for (int i = 3; i >= 0; --i) stored = stored << 8 | ByteAt(rest, static_cast<uint64_t>(i));
  return {.good = stored == MaskedChecksum(rest.substr(kHeaderBytes - 1, length + 1)),
          .begins = type == kFull || type == kFirst,
          .bytes = kHeaderBytes + length};
}

// Whether a sector, or what of it is in `bytes`, is all zeros. They stand at `offset` of the file.
bool HasLostSector(std::string_view bytes, uint64_t offset) {
  while (!bytes.empty()) {
    const uint64_t left = kSectorBytes - offset % kSectorBytes;
    const std::string_view sector = bytes.substr(0, left);
    if (std::all_of(sector.begin(), sector.end(), [](char byte) { return byte == 0; })) return true;
    offset += sector.size();
    bytes.remove_prefix(sector.size());
  }
  return false;
}

// Goes through a log block by block.
class EndFinder {
 public:
  // False: what comes after does not matter any more.
  bool Take(std::string_view block) {
    uint64_t at = 0;
    while (at + kHeaderBytes <= block.size()) {
      const Record record = LookAt(block.substr(at));
      if (record.good) {
        // What stands before a later record was synced, or is not the only thing that is torn.
        if (record.begins && bad_at_.has_value()) {
          bad_at_.reset();
          return false;
        }
      } else if (!bad_at_.has_value()) {
        if (!HasLostSector(block.substr(at, record.bytes), offset_ + at)) return false;
        bad_at_ = offset_ + at;
      }
      at += record.bytes;
    }
    offset_ += block.size();
    return true;
  }

  std::optional<uint64_t> torn_at() const { return bad_at_; }

 private:
  uint64_t offset_ = 0;
  std::optional<uint64_t> bad_at_;
};

// The file as it was before its end.
class ShortenedFile final : public rocksdb::FSSequentialFileOwnerWrapper {
 public:
  ShortenedFile(std::unique_ptr<rocksdb::FSSequentialFile> file, uint64_t bytes)
      : FSSequentialFileOwnerWrapper(std::move(file)), left_(bytes) {}

  rocksdb::IOStatus Read(size_t bytes, const rocksdb::IOOptions& options, rocksdb::Slice* result,
                         char* scratch, rocksdb::IODebugContext* debug) override {
    bytes = std::min<uint64_t>(bytes, left_);
    rocksdb::IOStatus status = target()->Read(bytes, options, result, scratch, debug);
    if (status.ok()) left_ -= result->size();
    return status;
  }
  rocksdb::IOStatus Skip(uint64_t bytes) override {
    bytes = std::min(bytes, left_);
    left_ -= bytes;
    return target()->Skip(bytes);
  }

 private:
  uint64_t left_;
};

// Logs and manifests are read from begin to end, and only when a database is opened.
//
// Thread safety: all methods may be called from any thread at once.
class ShortenedFiles final : public rocksdb::FileSystemWrapper {
 public:
  ShortenedFiles(const std::shared_ptr<rocksdb::FileSystem>& files,
                 std::map<std::string, uint64_t> lengths)
      : FileSystemWrapper(files), lengths_(std::move(lengths)) {}

  const char* Name() const override { return "ShortenedFiles"; }

  rocksdb::IOStatus NewSequentialFile(const std::string& path, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                      rocksdb::IODebugContext* debug) override {
    const std::optional<uint64_t> length = LengthOf(path);
    if (!length.has_value()) return target()->NewSequentialFile(path, options, file, debug);
    std::unique_ptr<rocksdb::FSSequentialFile> whole;
    rocksdb::IOStatus status = target()->NewSequentialFile(path, options, &whole, debug);
    if (status.ok()) *file = std::make_unique<ShortenedFile>(std::move(whole), *length);
    return status;
  }

  rocksdb::IOStatus GetFileSize(const std::string& path, const rocksdb::IOOptions& options,
                                uint64_t* bytes, rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = target()->GetFileSize(path, options, bytes, debug);
    const std::optional<uint64_t> length = LengthOf(path);
    if (status.ok() && length.has_value()) *bytes = std::min(*bytes, *length);
    return status;
  }

  // What is made anew under a name is not what was torn: a first start that was cut off is made
  // again.
  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    {
      absl::MutexLock lock(&mutex_);
      lengths_.erase(path);
    }
    return target()->NewWritableFile(path, options, file, debug);
  }

 private:
  std::optional<uint64_t> LengthOf(const std::string& path) const {
    absl::MutexLock lock(&mutex_);
    const auto shortened = lengths_.find(path);
    return shortened == lengths_.end() ? std::nullopt : std::optional(shortened->second);
  }

  mutable absl::Mutex mutex_;
  std::map<std::string, uint64_t> lengths_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::optional<uint64_t>> FindTornEnd(rocksdb::FileSystem& files,
                                                    const std::string& path) {
  std::unique_ptr<rocksdb::FSSequentialFile> file;
  const rocksdb::IOOptions io;
  rocksdb::IOStatus status = files.NewSequentialFile(path, rocksdb::FileOptions(), &file, nullptr);
  if (!status.ok()) return FileError(path, "open", status);
  EndFinder finder;
  std::string block(kBlockBytes, '\0');
  while (true) {
    rocksdb::Slice read;
    status = file->Read(block.size(), io, &read, block.data(), nullptr);
    if (!status.ok()) return FileError(path, "read", status);
    // A short read is the end: what the file has from here on is less than a block.
    const bool goes_on = finder.Take({read.data(), read.size()});
    if (!goes_on || read.size() < block.size()) return finder.torn_at();
  }
}

absl::StatusOr<std::shared_ptr<rocksdb::FileSystem>> WithoutTornEnds(
    std::shared_ptr<rocksdb::FileSystem> files, const std::string& db_path) {
  std::vector<std::string> names;
  const rocksdb::IOStatus status =
      files->GetChildren(db_path, rocksdb::IOOptions(), &names, nullptr);
  if (!status.ok()) return FileError(db_path, "list", status);
  std::map<std::string, uint64_t> lengths;
  for (const std::string& name : names) {
    if (!name.ends_with(".log") && !name.starts_with("MANIFEST-")) continue;
    const std::string path = db_path + "/" + name;
    const auto end = FindTornEnd(*files, path);
    if (!end.ok()) return end.status();
    if (end->has_value()) lengths[path] = **end;
  }
  if (lengths.empty()) return files;
  return std::make_shared<ShortenedFiles>(files, std::move(lengths));
}

}  // namespace claviger
