#include "storage/rocksdb/manifest_length.h"

#include <zlib.h>

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "fmt/format.h"
#include "storage/rocksdb/database.h"
#include "storage/rocksdb/durable_files.h"

namespace claviger {
namespace {

constexpr std::string_view kHeader = "claviger-manifest 1\n";
constexpr std::string_view kManifestPrefix = "MANIFEST-";
// Longer than any of the files.
constexpr size_t kMaxFileBytes = 256;

struct Noted {
  std::string manifest;  // its name
  uint64_t bytes = 0;
};

std::string NotePath(const std::string& db_path) { return db_path + "/claviger-manifest"; }

std::string Render(const Noted& noted) {
  const std::string body = fmt::format("{}{} {}\n", kHeader, noted.manifest, noted.bytes);
  const auto checksum = static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size())));
  return fmt::format("{}crc32 {:08x}\n", body, checksum);
}

// nullopt unless `text` is exactly what Render makes.
std::optional<Noted> Parse(const std::string& text) {
  if (!text.starts_with(kHeader)) return std::nullopt;
  const size_t space = text.find(' ', kHeader.size());
  if (space == std::string::npos) return std::nullopt;
  Noted noted{.manifest = text.substr(kHeader.size(), space - kHeader.size())};
  const char* end = text.data() + text.size();
  if (std::from_chars(text.data() + space + 1, end, noted.bytes).ec != std::errc()) {
    return std::nullopt;
  }
  if (Render(noted) != text) return std::nullopt;
  return noted;
}

}  // namespace

absl::Status CheckManifestLength(rocksdb::FileSystem& files, const std::string& db_path) {
  const auto note = ReadSmallFile(files, NotePath(db_path), kMaxFileBytes);
  if (!note.ok()) return note.status();
  const auto current = ReadSmallFile(files, db_path + "/CURRENT", kMaxFileBytes);
  if (!current.ok()) return current.status();
  const std::optional<Noted> noted = note->has_value() ? Parse(**note) : std::nullopt;
  // What is noted of another manifest says nothing: RocksDB begins a new one when it likes.
  if (!noted.has_value() || !current->has_value() || **current != noted->manifest + "\n") {
    return absl::OkStatus();
  }
  const std::string path = db_path + "/" + noted->manifest;
  uint64_t bytes = 0;
  const rocksdb::IOStatus status = files.GetFileSize(path, rocksdb::IOOptions(), &bytes, nullptr);
  // That a file is not there at all RocksDB says itself.
  if (status.IsNotFound() || status.IsPathNotFound()) return absl::OkStatus();
  if (!status.ok()) return FileError(path, "look at", status);
  if (bytes >= noted->bytes) return absl::OkStatus();
  return ErrorBuilder(absl::StatusCode::kDataLoss, Reason::kDataCorrupt)
      .Build(fmt::format("the manifest {} is whole up to byte {} only, and had {} bytes when the "
                         "store was started: what is stored is damaged: restore a backup",
                         path, bytes, noted->bytes));
}

absl::Status NoteManifestLength(rocksdb::FileSystem& files, const std::string& db_path,
                                rocksdb::DB& db) {
  std::vector<std::string> live;
  Noted noted;
  const auto status = db.GetLiveFiles(live, &noted.bytes, /*flush_memtable=*/false);
  if (!status.ok()) return FromRocksDb(status, fmt::format("list the files in {}", db_path));
  for (const std::string& file : live) {
    const size_t name = file.find(kManifestPrefix);
    if (name != std::string::npos) noted.manifest = file.substr(name);
  }
  return ReplaceFile(files, NotePath(db_path), Render(noted));
}

}  // namespace claviger
