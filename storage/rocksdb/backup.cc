#include "storage/rocksdb/backup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "core/file_descriptor.h"
#include "core/status.h"
#include "fmt/format.h"
#include "rocksdb/env.h"
#include "rocksdb/sst_file_reader.h"
#include "rocksdb/utilities/checkpoint.h"
#include "storage/rocksdb/codec.h"
#include "storage/rocksdb/durable_files.h"

namespace claviger {
namespace {

constexpr std::string_view kTableSuffix = ".sst";
constexpr absl::Duration kRetryAfter = absl::Seconds(30);

// RocksDB makes a checkpoint under the second name, and renames it.
absl::Status RemoveFolders(const std::string& folder) {
  for (const std::string& path : {folder, folder + ".tmp"}) {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) return FileError(path, "remove what a backup left:", error.value());
  }
  return absl::OkStatus();
}

// Takes no message: what is opened for a backup must leave no file beside it.
class NoLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

// Takes a slot while it lives.
class Slot {
 public:
  explicit Slot(std::atomic<bool>& taken) : taken_(&taken) {}
  ~Slot() {
    if (taken_ != nullptr) taken_->store(false);
  }
  Slot(Slot&& other) noexcept : taken_(std::exchange(other.taken_, nullptr)) {}
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  Slot& operator=(Slot&&) = delete;

 private:
  std::atomic<bool>* taken_;
};

// A folder that goes with this.
class Checkpoint {
 public:
  explicit Checkpoint(std::string path) : path_(std::move(path)) {}
  // What cannot be removed now is at the next start.
  ~Checkpoint() {
    if (!path_.empty()) RemoveFolders(path_).IgnoreError();
  }
  Checkpoint(Checkpoint&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Checkpoint(const Checkpoint&) = delete;
  Checkpoint& operator=(const Checkpoint&) = delete;
  Checkpoint& operator=(Checkpoint&&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

absl::StatusOr<std::vector<BackupFile>> FilesIn(const std::string& folder) {
  std::vector<BackupFile> files;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    BackupFile file{.name = it->path().filename().string(), .bytes = it->file_size(error)};
    if (error) break;
    if (!IsBackupFileName(file.name)) {
      return ErrorBuilder(absl::StatusCode::kInternal, Reason::kInternal)
          .Build(fmt::format("the checkpoint {} has a file '{}', which no backup has", folder,
                             file.name));
    }
    files.push_back(std::move(file));
  }
  if (error) return FileError(folder, "list", error.value());
  std::sort(files.begin(), files.end(),
            [](const BackupFile& a, const BackupFile& b) { return a.name < b.name; });
  return files;
}

// The family `meta` of a checkpoint, opened without changing it. Whatever else the log has is
// passed over.
class MetaReader {
 public:
  static absl::StatusOr<std::unique_ptr<MetaReader>> Open(const std::string& folder) {
    rocksdb::DBOptions options;
    options.info_log = std::make_shared<NoLog>();
    options.max_open_files = 16;
    // As the store itself is opened: the copy of the log may end within a record that nobody was
    // told of.
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
    const std::vector<rocksdb::ColumnFamilyDescriptor> families = {
        {rocksdb::kDefaultColumnFamilyName, rocksdb::ColumnFamilyOptions()},
        {std::string(kFamilyNames[static_cast<size_t>(Family::kMeta)]),
         rocksdb::ColumnFamilyOptions()}};
    std::unique_ptr<MetaReader> reader(new MetaReader());
    rocksdb::DB* db = nullptr;
    const auto status =
        rocksdb::DB::OpenForReadOnly(options, folder, families, &reader->families_, &db);
    if (!status.ok()) return FromRocksDb(status, fmt::format("open the checkpoint {}", folder));
    reader->db_.reset(db);
    return reader;
  }
  ~MetaReader() {
    for (rocksdb::ColumnFamilyHandle* family : families_) {
      db_->DestroyColumnFamilyHandle(family).PermitUncheckedError();
    }
  }
  MetaReader(const MetaReader&) = delete;
  MetaReader& operator=(const MetaReader&) = delete;

  absl::StatusOr<std::string> Get(std::string_view row) const {
    std::string value;
    const auto status = db_->Get({}, families_.back(), AsSlice(row), &value);
    if (!status.ok() && !status.IsNotFound()) return FromRocksDb(status, "read a checkpoint");
    return value;
  }

  // Fills in what the rows say.
  absl::Status Describe(BackupHeader& header) const {
    const auto state_row = Get(kStateRow);
    if (!state_row.ok()) return state_row.status();
    const auto state = DecodeState(*state_row);
    if (!state.ok()) return state.status();
    const auto schema = Get(kSchemaVersionRow);
    if (!schema.ok()) return schema.status();
    header.epoch = state->epoch;
    header.head = {.revision = state->revision, .hash = state->audit_head};
    header.schema_version = DecodeU32(*schema).value_or(0);
    const KeyCounts& counts = state->counts;
    header.keys = counts.enabled + counts.disabled + counts.revoked + counts.deleted;
    header.peppers = state->keys_by_pepper;
    const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator({}, families_.back()));
    for (it->Seek(AsSlice(kCanaryRowPrefix));
         it->Valid() && AsView(it->key()).starts_with(kCanaryRowPrefix); it->Next()) {
      header.peppers.try_emplace(std::string(AsView(it->key()).substr(kCanaryRowPrefix.size())), 0);
    }
    return FromRocksDb(it->status(), "read a checkpoint");
  }

 private:
  MetaReader() = default;

  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;  // `meta` is the last
};

// DATA_LOSS where `path` is a table that does not have what was written: a backup with it could not
// be restored.
absl::Status CheckTable(const std::string& path) {
  if (!path.ends_with(kTableSuffix)) return absl::OkStatus();
  rocksdb::SstFileReader table{rocksdb::Options()};
  rocksdb::Status status = table.Open(path);
  if (status.ok()) status = table.VerifyChecksum();
  return FromRocksDb(status, fmt::format("back the table {} up", path));
}

// Reads the files of a checkpoint one after the other.
class RocksDbBackup final : public BackupStream {
 public:
  RocksDbBackup(Slot slot, Checkpoint checkpoint, const DiskGuard& disk, BackupHeader header)
      : slot_(std::move(slot)),
        checkpoint_(std::move(checkpoint)),
        disk_(disk),
        header_(std::move(header)) {}

  const BackupHeader& header() const override { return header_; }

  absl::StatusOr<std::string> Next() override {
    if (absl::Status s = disk_.Admit(Admission::kGrowth); !s.ok()) return s;
    switch (stage_) {
      case Stage::kHeader:
        stage_ = Stage::kFiles;
        return Pieces(encoder_.Begin(header_));
      case Stage::kFiles:
        return NextOfFiles();
      case Stage::kEnd:
        break;
    }
    return Pieces({});
  }

 private:
  enum class Stage { kHeader, kFiles, kEnd };

  // The first kBackupChunkBytes of what waits and `more`; the rest waits.
  std::string Pieces(std::string more) {
    waiting_ += more;
    std::string piece = waiting_.substr(0, kBackupChunkBytes);
    waiting_.erase(0, piece.size());
    return piece;
  }

  absl::StatusOr<std::string> NextOfFiles() {
    if (waiting_.size() >= kBackupChunkBytes) return Pieces({});
    if (file_ == header_.files.size()) {
      stage_ = Stage::kEnd;
      return Pieces(encoder_.End());
    }
    const BackupFile& file = header_.files[file_];
    if (fd_.get() < 0) {
      const std::string path = checkpoint_.path() + "/" + file.name;
      if (absl::Status s = CheckTable(path); !s.ok()) return s;
      fd_.Reset(open(path.c_str(), O_RDONLY | O_CLOEXEC));
      if (fd_.get() < 0) return FileError(path, "open", errno);
      left_ = file.bytes;
    }
    absl::StatusOr<std::string> content = Read(file);
    if (!content.ok()) return content;
    encoder_.Add(*content);
    if (left_ == 0) {
      *content += encoder_.EndFile();
      fd_.Reset();
      ++file_;
    }
    return Pieces(*std::move(content));
  }

  absl::StatusOr<std::string> Read(const BackupFile& file) {
    std::string content(std::min<uint64_t>(left_, kBackupChunkBytes - waiting_.size()), '\0');
    size_t filled = 0;
    while (filled < content.size()) {
      const ssize_t count = read(fd_.get(), content.data() + filled, content.size() - filled);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return FileError(file.name, "read", errno);
      if (count == 0) {
        return ErrorBuilder(absl::StatusCode::kInternal, Reason::kInternal)
            .Build(fmt::format("the file {} of a checkpoint became shorter", file.name));
      }
      filled += static_cast<size_t>(count);
    }
    left_ -= content.size();
    return content;
  }

  // Destroyed from the last to the first: the slot is free once the folder is gone.
  const Slot slot_;
  const Checkpoint checkpoint_;
  const DiskGuard& disk_;
  const BackupHeader header_;
  BackupEncoder encoder_;
  Stage stage_ = Stage::kHeader;
  std::string waiting_;
  size_t file_ = 0;  // in the header's files
  FileDescriptor fd_;
  uint64_t left_ = 0;  // of that file
};

}  // namespace

absl::Status RemoveLeftCheckpoint(const DataDir& dir) {
  return RemoveFolders(dir.path() + "/" + kCheckpointFolder);
}

absl::StatusOr<std::unique_ptr<BackupStream>> Backups::Begin(Revision at_least,
                                                             std::string_view version) {
  if (under_way_.exchange(true)) {
    return ErrorBuilder(absl::StatusCode::kResourceExhausted, Reason::kOverloaded)
        .RetryAfter(kRetryAfter)
        .Build(
            "another backup is under way, and there is one at a time: try again when it is done");
  }
  Slot slot(under_way_);
  if (absl::Status s = disk_.Admit(Admission::kGrowth); !s.ok()) return s;
  const std::string folder = dir_.path() + "/" + kCheckpointFolder;
  if (absl::Status s = RemoveFolders(folder); !s.ok()) return s;
  Checkpoint checkpoint(folder);

  rocksdb::Checkpoint* raw = nullptr;
  auto status = rocksdb::Checkpoint::Create(&database_.db(), &raw);
  const std::unique_ptr<rocksdb::Checkpoint> maker(raw);
  // Flushes first, always: then only what is written meanwhile has to be copied from the log, and a
  // restore has little to replay.
  if (status.ok()) status = maker->CreateCheckpoint(folder, /*log_size_for_flush=*/0);
  if (!status.ok()) return FromRocksDb(status, "make a checkpoint");
  if (chmod(folder.c_str(), S_IRWXU) != 0) return FileError(folder, "protect", errno);

  BackupHeader header;
  header.claviger_version = version;
  header.create_time = absl::FromUnixNanos(absl::ToUnixNanos(clock_.Now()));
  absl::StatusOr<std::vector<BackupFile>> files = FilesIn(folder);
  if (!files.ok()) return files.status();
  header.files = *std::move(files);
  const auto meta = MetaReader::Open(folder);
  if (!meta.ok()) return meta.status();
  if (absl::Status s = (*meta)->Describe(header); !s.ok()) return s;
  if (header.head.revision < at_least) {
    return ErrorBuilder(absl::StatusCode::kInternal, Reason::kInternal)
        .Build(fmt::format("the checkpoint ends at revision {}, before {}, which is committed",
                           header.head.revision.value, at_least.value));
  }
  return std::make_unique<RocksDbBackup>(std::move(slot), std::move(checkpoint), disk_,
                                         std::move(header));
}

}  // namespace claviger
