#include "storage/rocksdb/full_scan.h"

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "core/digest.h"
#include "core/lifecycle.h"
#include "core/status.h"
#include "fmt/format.h"
#include "storage/rocksdb/audit_chain.h"
#include "storage/rocksdb/index_rows.h"
#include "storage/rocksdb/scans.h"

namespace claviger {
namespace {

constexpr std::array kIndexes = {Family::kByProject, Family::kByOwner,  Family::kByLabel,
                                 Family::kByDelete,  Family::kByExpiry, Family::kImported};

std::string_view NameOf(Family family) { return kFamilyNames[static_cast<size_t>(family)]; }

absl::Status Wrong(std::string message) {
  return ErrorBuilder(absl::StatusCode::kDataLoss, Reason::kDataCorrupt)
      .Build(std::move(message) + ": what is stored is damaged; use another backup");
}

using RowVisitor = std::function<absl::Status(std::string_view row, std::string_view value)>;

absl::Status ForEach(const Database& database, Family family, const RowVisitor& visit) {
  const auto it = database.NewIterator(family, ScanRead());
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    if (absl::Status s = visit(AsView(it->key()), AsView(it->value())); !s.ok()) return s;
  }
  return FromRocksDb(it->status(), fmt::format("read the family {}", NameOf(family)));
}

// A set of rows in a few bytes, whatever the order in which they come: their number, and the sum of
// their hashes. Two that are equal have the same rows, unless somebody found a collision of sums of
// SHA-256 in rows that are all different.
class RowSum {
 public:
  void Add(std::string_view row, std::string_view value) {
    const Sha256Bytes hash = Sha256(fmt::format("{}:{}{}", row.size(), row, value));
    for (size_t word = 0; word < sums_.size(); ++word) {
      uint64_t number = 0;
      for (size_t i = 0; i < 8; ++i) number = number << 8 | hash[8 * word + i];
      sums_[word] += number;
    }
    ++rows_;
  }

  friend bool operator==(const RowSum&, const RowSum&) = default;

 private:
  std::array<uint64_t, 4> sums_{};
  uint64_t rows_ = 0;
};

// Calls `visit` with each row that `key` has in the indexes.
void ForEachIndexRow(const KeyRecord& key,
                     const std::function<void(Family, std::string_view, std::string_view)>& visit) {
  for (const IndexRow& row : IndexRowsOf(key)) visit(row.family, row.row, {});
  if (const auto expiry = ExpiryRowOf(key)) visit(Family::kByExpiry, *expiry, ExpiryValueOf(key));
  if (key.imported.has_value()) {
    visit(Family::kImported, AsBytes(key.digest.bytes), key.id.text());
  }
}

// One reading of a database.
class FullScan {
 public:
  explicit FullScan(const Database& database) : database_(database) {}

  absl::StatusOr<FullScanReport> Run() {
    for (const auto step : {&FullScan::ReadMeta, &FullScan::ReadProjects, &FullScan::ReadKeys,
                            &FullScan::ReadIndexes, &FullScan::CompareCounts, &FullScan::ReadEvents,
                            &FullScan::ReadRequests, &FullScan::ReadUsage, &FullScan::ReadAudit}) {
      if (absl::Status s = (this->*step)(); !s.ok()) return s;
    }
    return report_;
  }

 private:
  absl::Status ReadMeta() {
    bool has_state = false;
    absl::Status read = ForEach(
        database_, Family::kMeta,
        [&](std::string_view row, std::string_view value) -> absl::Status {
          if (row == kStateRow) {
            auto state = DecodeState(value);
            if (state.ok()) report_.state = *std::move(state);
            has_state = true;
            return state.status();
          }
          if (row == kLongestLeaseRow) return DecodeLongestLease(value).status();
          if (row.starts_with(kCanaryRowPrefix)) {
            return DecodeCanary(std::string(row.substr(kCanaryRowPrefix.size())), value).status();
          }
          if (row == kSchemaVersionRow && DecodeU32(value) == kSchemaVersion) {
            return absl::OkStatus();
          }
          return Wrong(fmt::format("family meta has a row '{}' that is not known", row));
        });
    if (!read.ok()) return read;
    return has_state ? absl::OkStatus() : Wrong("family meta has no state");
  }

  absl::Status ReadProjects() {
    return ForEach(database_, Family::kProjects, [&](std::string_view row, std::string_view value) {
      ++report_.projects;
      projects_.emplace(row);
      return DecodeProject(std::string(row), value).status();
    });
  }

  absl::Status ReadKeys() {
    return ForEach(database_, Family::kKeys,
                   [&](std::string_view row, std::string_view value) -> absl::Status {
                     const auto id = KeyId::Parse(row);
                     if (!id) return Wrong("a row of family keys has no key id");
                     const auto key = DecodeKey(*id, value);
                     if (!key.ok()) return key.status();
                     return AddKey(*key);
                   });
  }

  absl::Status AddKey(const KeyRecord& key) {
    if (!projects_.contains(key.project_id)) {
      return Wrong(fmt::format("key {} is of project '{}', which is not there", key.id.text(),
                               key.project_id));
    }
    if (key.revision.value == 0 || report_.state.revision < key.revision) {
      return Wrong(fmt::format("key {} is of revision {}, the last one is {}", key.id.text(),
                               key.revision.value, report_.state.revision.value));
    }
    ForEachIndexRow(key, [&](Family family, std::string_view row, std::string_view value) {
      wanted_[family].Add(row, value);
    });
    ++(key.delete_time  ? counts_.deleted
       : key.revocation ? counts_.revoked
       : key.disabled   ? counts_.disabled
                        : counts_.enabled);
    if (NeedsPepper(key)) ++peppers_[key.pepper_id];
    return absl::OkStatus();
  }

  absl::Status ReadIndexes() {
    for (const Family family : kIndexes) {
      RowSum found;
      absl::Status read =
          ForEach(database_, family, [&](std::string_view row, std::string_view value) {
            found.Add(row, value);
            return absl::OkStatus();
          });
      if (!read.ok()) return read;
      if (found != wanted_[family]) return NameDifference(family);
    }
    return absl::OkStatus();
  }

  // Where an index differs from what the keys have in it, by a look-up for each row.
  absl::Status NameDifference(Family family) {
    absl::Status missing = ForEach(
        database_, Family::kKeys,
        [&](std::string_view row, std::string_view value) -> absl::Status {
          const auto key = DecodeKey(*KeyId::Parse(row), value);
          if (!key.ok()) return key.status();
          bool whole = true;
          ForEachIndexRow(*key, [&](Family of, std::string_view wanted, std::string_view has) {
            if (of != family) return;
            rocksdb::PinnableSlice found;
            const auto there = database_.Get(family, wanted, found);
            whole = whole && there.ok() && *there && AsView(found) == has;
          });
          if (whole) return absl::OkStatus();
          return Wrong(fmt::format("key {} is not listed as it should be in family {}", row,
                                   NameOf(family)));
        });
    if (!missing.ok()) return missing;
    return Wrong(fmt::format("family {} has a row that no key has", NameOf(family)));
  }

  absl::Status CompareCounts() {
    if (counts_ != report_.state.counts) return Wrong("keys are not as many as the state says");
    if (peppers_ != report_.state.keys_by_pepper) {
      return Wrong("keys by pepper are not as many as the state says");
    }
    return absl::OkStatus();
  }

  absl::Status ReadEvents() {
    Revision expected = report_.state.first_event;
    absl::Status read =
        ForEach(database_, Family::kEvents,
                [&](std::string_view row, std::string_view value) -> absl::Status {
                  const auto revision = ParseRevisionRow(row);
                  if (!revision || *revision != expected) {
                    return Wrong(fmt::format("the event of revision {} is missing or out of place",
                                             expected.value));
                  }
                  ++report_.events;
                  expected = expected.Next();
                  return DecodeEvent(*revision, value).status();
                });
    if (!read.ok()) return read;
    if (expected == report_.state.revision.Next()) return absl::OkStatus();
    return Wrong(fmt::format("the event of revision {} is missing", expected.value));
  }

  absl::Status ReadRequests() {
    return ForEach(database_, Family::kRequests, [&](std::string_view row, std::string_view value) {
      ++report_.requests;
      return DecodeRequest(std::string(row), value).status();
    });
  }

  absl::Status ReadUsage() {
    absl::Status read = ForEach(database_, Family::kUsage,
                                [&](std::string_view row, std::string_view value) -> absl::Status {
                                  if (!HourOfUsageRow(row))
                                    return Wrong("a row of family usage has no hour");
                                  ++report_.usage_rows;
                                  return DecodeUsage(value).status();
                                });
    if (!read.ok()) return read;
    return ForEach(database_, Family::kLastUsed,
                   [&](std::string_view row, std::string_view value) -> absl::Status {
                     const auto id = KeyId::Parse(row);
                     if (!id) return Wrong("a row of family last_used has no key id");
                     return DecodeLastUse(*id, value).status();
                   });
  }

  absl::Status ReadAudit() { return VerifyAuditChain(database_).status(); }

  const Database& database_;
  FullScanReport report_;
  std::set<std::string, std::less<>> projects_;
  std::map<Family, RowSum> wanted_;  // by the keys
  KeyCounts counts_;
  PepperCounts peppers_;
};

}  // namespace

absl::StatusOr<FullScanReport> ScanEverything(const Database& database) {
  return FullScan(database).Run();
}

}  // namespace claviger
