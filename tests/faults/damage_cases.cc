#include "tests/faults/damage_cases.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "tests/faults/damaged_stores.h"
#include "tests/faults/store_dump.h"
#include "tests/faults/store_life.h"

namespace claviger {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kSmallFile = 256;    // every byte of it is flipped
constexpr uint64_t kFlipsInLog = 160;   // so many others of a log or manifest
constexpr uint64_t kFlipsInTable = 24;  // or table, whose last bytes are all flipped, too
constexpr uint64_t kFooterBytes = 53;
constexpr uint64_t kSector = 512;

enum class Damage : uint8_t { kTorn, kFlipped, kZeroed, kDeleted, kOlder, kOlderFolder };
constexpr std::string_view kDamageNames[] = {"torn",    "flipped", "zeroed",
                                             "deleted", "older",   "older folder"};

struct DamageCase {
  size_t store = 0;
  std::string file;  // below the data folder
  Damage damage = Damage::kDeleted;
  uint64_t at = 0;  // the new length, the bit or the first byte
};

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteAll(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// `log`, `MANIFEST`, `CURRENT`, …: what a file is, by its name.
std::string KindOf(const std::string& file) {
  const fs::path name = fs::path(file).filename();
  if (!name.extension().empty()) return name.extension().string().substr(1);
  const std::string text = name.string();
  return text.substr(0, text.find('-'));
}

// Lists what is done to the files of a store.
class Plan {
 public:
  Plan(size_t store, std::string data_dir, std::string older)
      : store_(store), data_dir_(std::move(data_dir)), older_(std::move(older)) {}

  std::vector<DamageCase> Make() {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(data_dir_)) {
      const std::string name = entry.path().filename().string();
      // What people read, and what locks: nothing of the store is in them.
      if (entry.is_directory() || name.starts_with("LOG") || name == "LOCK") continue;
      files.push_back(fs::relative(entry.path(), data_dir_).string());
    }
    std::sort(files.begin(), files.end());
    for (const std::string& file : files) AddAll(file);
    Add("db", Damage::kOlderFolder, 0);
    return std::move(cases_);
  }

 private:
  void Add(const std::string& file, Damage damage, uint64_t at) {
    cases_.push_back({.store = store_, .file = file, .damage = damage, .at = at});
  }

  void AddAll(const std::string& file) {
    const std::string kind = KindOf(file);
    const uint64_t size = fs::file_size(data_dir_ + "/" + file);
    Add(file, Damage::kDeleted, 0);
    if (fs::exists(older_ + "/" + file) &&
        ReadAll(older_ + "/" + file) != ReadAll(data_dir_ + "/" + file)) {
      Add(file, Damage::kOlder, 0);
    }
    std::set<uint64_t> lengths = {0, 1, size / 4, size / 2, size * 3 / 4};
    for (const uint64_t cut : {1, 2, 7, 60}) lengths.insert(size > cut ? size - cut : 0);
    const bool is_log = kind == "log" || kind == "MANIFEST";
    for (uint64_t i = 0; is_log && i < 32; ++i) lengths.insert(size * i / 32);
    if (is_log) AddRecordEnds(ReadAll(data_dir_ + "/" + file), lengths);
    for (const uint64_t length : lengths) {
      if (length < size) Add(file, Damage::kTorn, length);
    }
    AddFlips(file,
             kind == "sst"       ? kFlipsInTable
             : kind == "OPTIONS" ? 8
                                 : kFlipsInLog,
             size, kind == "sst");
    for (uint64_t at = 0; is_log && at < size; at += kSector) Add(file, Damage::kZeroed, at);
  }

  // A log that is cut between two records looks whole.
  static void AddRecordEnds(std::string_view log, std::set<uint64_t>& lengths) {
    constexpr uint64_t kHeader = 7;
    constexpr uint64_t kBlock = 32768;
    for (uint64_t at = 0; at + kHeader <= log.size();) {
      lengths.insert(at);
      const uint64_t bytes = static_cast<uint8_t>(log[at + 4]) | static_cast<uint8_t>(log[at + 5])
                                                                     << 8;
      at += kHeader + bytes;
      if (kBlock - at % kBlock < kHeader) at += kBlock - at % kBlock;
    }
  }

  void AddFlips(const std::string& file, uint64_t samples, uint64_t size, bool has_footer) {
    std::set<uint64_t> bytes;
    for (uint64_t i = 0; size <= kSmallFile && i < size; ++i) bytes.insert(i);
    for (uint64_t i = 0; i < samples && size > 0; ++i) bytes.insert(size * i / samples);
    for (uint64_t i = 1; has_footer && i <= std::min(kFooterBytes, size); i += 3) {
      bytes.insert(size - i);
    }
    // Another bit in each.
    for (const uint64_t byte : bytes) Add(file, Damage::kFlipped, byte * 8 + byte % 7);
  }

  const size_t store_;
  const std::string data_dir_;
  const std::string older_;
  std::vector<DamageCase> cases_;
};

void Apply(const DamageCase& damage, const std::string& data_dir, const std::string& older) {
  const std::string path = data_dir + "/" + damage.file;
  switch (damage.damage) {
    case Damage::kTorn:
      fs::resize_file(path, damage.at);
      return;
    case Damage::kFlipped: {
      std::string bytes = ReadAll(path);
      char& byte = bytes.at(damage.at / 8);
      byte = static_cast<char>(byte ^ (1 << damage.at % 8));
      return WriteAll(path, bytes);
    }
    case Damage::kZeroed: {
      std::string bytes = ReadAll(path);
      const uint64_t count = std::min<uint64_t>(kSector, bytes.size() - damage.at);
      bytes.replace(damage.at, count, count, '\0');
      return WriteAll(path, bytes);
    }
    case Damage::kDeleted:
      fs::remove(path);
      return;
    case Damage::kOlder:
      WriteAll(path, ReadAll(older + "/" + damage.file));
      return;
    case Damage::kOlderFolder:
      fs::remove_all(path);
      CopyFolder(older + "/" + damage.file, path);
      return;
  }
}

class DamageCases final : public CaseList {
 public:
  DamageCases(StoreCopies stores, std::unique_ptr<ScratchFolder> scratch)
      : scratch_(std::move(scratch)), stores_(std::move(stores)) {
    for (size_t i = 0; i < stores_.copies.size(); ++i) {
      for (DamageCase& damage : Plan(i, stores_.copies[i].data_dir, stores_.older).Make()) {
        cases_.push_back(std::move(damage));
      }
    }
  }

  uint64_t size() const override { return cases_.size(); }

  NamedResult Run(uint64_t number) override {
    const DamageCase& damage = cases_.at(number);
    const StoreCopy& store = stores_.copies[damage.store];
    const std::string data_dir = scratch_->path() + fmt::format("/case-{}", number);
    CopyFolder(store.data_dir, data_dir);
    Apply(damage, data_dir, stores_.older);
    NamedResult result = Look(data_dir, store, damage);
    fs::remove_all(data_dir);
    std::replace(result.text.begin(), result.text.end(), '\n', ' ');
    const std::string_view name = kDamageNames[static_cast<size_t>(damage.damage)];
    result.what = fmt::format("{}: {} {}", store.name, KindOf(damage.file), name);
    result.text = fmt::format("{} {} at {}: {}", damage.file, name, damage.at, result.text);
    return result;
  }

 private:
  static NamedResult Lost(std::string text) {
    return {.outcome = Outcome::kLost, .what = {}, .text = std::move(text)};
  }

  // What is found in `data_dir`, which should be `store`.
  static NamedResult Look(const std::string& data_dir, const StoreCopy& store,
                          const DamageCase& damage) {
    StoreLife life(data_dir, nullptr);
    life.clock().SetNow(store.now);
    if (absl::Status s = life.Open(); !s.ok()) return Refused(life, s);
    absl::StatusOr<std::string> found = DumpStore(*life.store(), store.now);
    absl::Status error = found.status();
    if (error.ok()) error = life.store()->VerifyAudit().status();
    if (!error.ok()) {
      if (!absl::IsDataLoss(error)) return Lost("reads fail otherwise: " + error.ToString());
      if (KindOf(damage.file) != "sst") return Lost("opened, but: " + error.ToString());
      return {.outcome = Outcome::kFoundByRead, .what = {}, .text = std::string(error.message())};
    }
    if (*found != store.expected) return Lost("opened with " + Difference(*found, store.expected));
    return {};
  }

  static NamedResult Refused(StoreLife& life, const absl::Status& error) {
    const std::string message(error.message());
    const std::string wrong = WhatIsWrongWith(message, life.data_dir());
    if (!wrong.empty()) return Lost(fmt::format("{}: {}", wrong, error.ToString()));
    if (message.find("--accept-older-state") != std::string::npos) {
      life.AcceptOlderState();
      if (absl::Status s = life.Open(); !s.ok()) {
        return Lost(fmt::format("'{}', but that gives '{}'", message, s.ToString()));
      }
    }
    return {.outcome = Outcome::kRefused, .what = {}, .text = message};
  }

  const std::unique_ptr<ScratchFolder> scratch_;
  const StoreCopies stores_;
  std::vector<DamageCase> cases_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<CaseList>> MakeDamageCases(std::unique_ptr<ScratchFolder> scratch) {
  const std::string folder = scratch->path() + "/stores";
  fs::create_directories(folder);
  absl::StatusOr<StoreCopies> stores = MakeStoreCopies(folder);
  if (!stores.ok()) return stores.status();
  return std::make_unique<DamageCases>(*std::move(stores), std::move(scratch));
}

}  // namespace claviger
