#include "storage/rocksdb/database.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_replace.h"
#include "core/status.h"
#include "fmt/format.h"

namespace claviger {
namespace {

constexpr absl::Duration kRetryAfter = absl::Seconds(1);

absl::Status CheckFamilies(const std::string& dir, const rocksdb::DBOptions& options) {
  std::error_code error;
  if (!std::filesystem::exists(dir + "/CURRENT", error)) return absl::OkStatus();
  std::vector<std::string> names;
  const auto status = rocksdb::DB::ListColumnFamilies(options, dir, &names);
  if (!status.ok()) return FromRocksDb(status, fmt::format("read the database in {}", dir));
  for (const std::string& name : names) {
    if (name == rocksdb::kDefaultColumnFamilyName) continue;
    if (std::find(kFamilyNames.begin(), kFamilyNames.end(), name) == kFamilyNames.end()) {
      return ErrorBuilder(absl::StatusCode::kFailedPrecondition, Reason::kDataCorrupt)
          .Build(fmt::format("the database in {} has a column family '{}' that this version does "
                             "not know: it was written by a newer version of clavigerd; run that "
                             "version, or restore a backup made with this one",
                             dir, name));
    }
  }
  return absl::OkStatus();
}

// RocksDB's message, without what misleads: it names a missing table by the ending that tables had
// once, and puts some names right behind a word.
std::string MessageOf(const rocksdb::Status& status) {
  std::string message = status.ToString();
  absl::StrReplaceAll({{".ldb", ".sst"}, {"sstable/", "sstable: /"}}, &message);
  return message;
}

}  // namespace

bool IsDamage(const rocksdb::Status& status) {
  // A file that the manifest tells of, or the manifest itself, is gone: no path is found.
  return status.IsCorruption() || status.IsPathNotFound();
}

absl::Status FromRocksDb(const rocksdb::Status& status, std::string_view action) {
  if (status.ok()) return absl::OkStatus();
  if (IsDamage(status)) {
    return ErrorBuilder(absl::StatusCode::kDataLoss, Reason::kDataCorrupt)
        .Build(fmt::format("could not {}: {}; what is stored is damaged: restore a backup", action,
                           MessageOf(status)));
  }
  return ErrorBuilder(absl::StatusCode::kUnavailable, Reason::kStoreUnavailable)
      .RetryAfter(kRetryAfter)
      .Build(fmt::format("could not {}: {}", action, MessageOf(status)));
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& dir,
                                                         const Tuning& tuning) {
  return OpenAs(dir, tuning, /*for_reading=*/false);
}

absl::StatusOr<std::unique_ptr<Database>> Database::OpenForReading(const std::string& dir,
                                                                   const Tuning& tuning) {
  return OpenAs(dir, tuning, /*for_reading=*/true);
}

absl::StatusOr<std::unique_ptr<Database>> Database::OpenAs(const std::string& dir,
                                                           const Tuning& tuning, bool for_reading) {
  if (auto status = CheckFamilies(dir, tuning.db); !status.ok()) return status;
  // RocksDB insists on its own family `default`; nothing is in it.
  std::vector<rocksdb::ColumnFamilyDescriptor> families = tuning.families;
  families.emplace_back(rocksdb::kDefaultColumnFamilyName, rocksdb::ColumnFamilyOptions());

  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* raw = nullptr;
  const auto status = for_reading
                          ? rocksdb::DB::OpenForReadOnly(tuning.db, dir, families, &handles, &raw)
                          : rocksdb::DB::Open(tuning.db, dir, families, &handles, &raw);
  if (!status.ok()) return FromRocksDb(status, fmt::format("open the database in {}", dir));
  return std::unique_ptr<Database>(
      new Database(tuning, std::unique_ptr<rocksdb::DB>(raw), std::move(handles)));
}

Database::~Database() {
  for (rocksdb::ColumnFamilyHandle* handle : families_) {
    // Fails only for a handle that is not of this database.
    db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  }
}

absl::StatusOr<bool> Database::Get(Family family, std::string_view row,
                                   rocksdb::PinnableSlice& value,
                                   const rocksdb::ReadOptions& options) const {
  const auto status = db_->Get(options, this->family(family), AsSlice(row), &value);
  if (status.IsNotFound()) return false;
  if (!status.ok()) return FromRocksDb(status, "read from the store");
  return true;
}

std::unique_ptr<rocksdb::Iterator> Database::NewIterator(
    Family family, const rocksdb::ReadOptions& options) const {
  return std::unique_ptr<rocksdb::Iterator>(db_->NewIterator(options, this->family(family)));
}

absl::Status Database::Write(rocksdb::WriteBatch& batch) {
  return FromRocksDb(db_->Write(DurableWrite(), &batch), "write to the store");
}

}  // namespace claviger
