#include "tests/faults/store_life.h"

#include <utility>

#include "absl/synchronization/mutex.h"

namespace claviger {
namespace {

// Holds the writer thread inside a mutation, unless the store takes none.
class Gate {
 public:
  explicit Gate(KeyStore& store) {
    store.Commit(
        [this](const StateReader&) -> absl::StatusOr<ChangeSet> {
          absl::MutexLock lock(&mutex_);
          reached_ = true;
          mutex_.Await(absl::Condition(&opened_));
          return ChangeSet();
        },
        [this](const absl::StatusOr<Committed>&) {
          absl::MutexLock lock(&mutex_);
          reached_ = answered_ = true;
        });
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&reached_));
  }
  ~Gate() {
    absl::MutexLock lock(&mutex_);
    opened_ = true;
    mutex_.Await(absl::Condition(&answered_));
  }

 private:
  absl::Mutex mutex_;
  bool reached_ ABSL_GUARDED_BY(mutex_) = false;
  bool opened_ ABSL_GUARDED_BY(mutex_) = false;
  bool answered_ ABSL_GUARDED_BY(mutex_) = false;
};

std::vector<rocksdb::ColumnFamilyHandle*> AllFamilies(const Database& database) {
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  for (size_t i = 0; i < kFamilyNames.size(); ++i) {
    families.push_back(database.family(static_cast<Family>(i)));
  }
  return families;
}

}  // namespace

StoreLife::StoreLife(std::string data_dir, std::shared_ptr<rocksdb::FileSystem> files)
    : ledger_(clock_) {
  options_.data_dir = std::move(data_dir);
  options_.clock = &clock_;
  options_.random = &random_;
  options_.memory_bytes = RocksDbStoreOptions::kMinMemoryBytes;
  options_.event_retention = kScenarioEventRetention;
  options_.watermark_interval = absl::Milliseconds(1);
  // The disk of the test may be nearly full: that is another test's matter.
  options_.growth_reserve_bytes = options_.reduction_reserve_bytes = 0;
  options_.file_system = std::move(files);
}

absl::Status StoreLife::Open() {
  absl::StatusOr<std::unique_ptr<RocksDbStore>> store = RocksDbStore::Open(options_);
  if (!store.ok()) return store.status();
  store_ = *std::move(store);
  return absl::OkStatus();
}

absl::Status StoreLife::Take(const ScenarioStep& step) {
  clock_.Advance(absl::Seconds(1));
  switch (step.kind) {
    case ScenarioStep::Kind::kCommit:
      Commit(step.changes);
      break;
    case ScenarioStep::Kind::kUsage:
      AddUsage();
      break;
    case ScenarioStep::Kind::kFlush:
      Flush();
      break;
    case ScenarioStep::Kind::kCompact:
      Compact();
      break;
    case ScenarioStep::Kind::kReopen:
      Close();
      if (absl::Status s = Open(); !s.ok()) return s;
      // What was not answered is there by now, or never will be.
      if (absl::Status s = ledger_.Settle(*store_); absl::IsInternal(s)) return s;
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

void StoreLife::Commit(const std::vector<Change>& changes) {
  std::vector<PendingCommit> pending;
  {
    std::unique_ptr<Gate> gate;
    if (changes.size() > 1) gate = std::make_unique<Gate>(*store_);
    for (const Change& change : changes) pending.emplace_back(*store_, change.Make());
  }
  for (size_t i = 0; i < changes.size(); ++i) {
    if (pending[i].Wait().ok()) {
      ledger_.Acknowledge(changes[i]).IgnoreError();  // a difference shows when they are compared
    } else if (!store_->health().writable.ok()) {
      ledger_.LeaveOpen(changes[i]);
    }
  }
}

void StoreLife::AddUsage() {
  std::vector<UsageDelta> deltas;
  for (int n = 1; n <= 2; ++n) {
    UsageDelta delta{.key_id = TestKeyId(n), .project_id = "default", .counts = {}, .last_use = {}};
    delta.hour = HourOf(clock_.Now());
    delta.counts.Add(VerifyCode::kValid, 1);
    delta.last_use = LastUse{.time = clock_.Now(), .address = "10.0.0.1", .by = "cert:orders"};
    deltas.push_back(delta);
  }
  // Usage is not promised.
  store_->AddUsage(deltas).IgnoreError();
}

void StoreLife::Flush() {
  const Database& database = store_->database_for_tests();
  database.db().Flush(rocksdb::FlushOptions(), AllFamilies(database)).PermitUncheckedError();
}

void StoreLife::Compact() {
  const Database& database = store_->database_for_tests();
  for (const Family family : {Family::kMeta, Family::kKeys, Family::kAudit, Family::kEvents,
                              Family::kByProject, Family::kUsage}) {
    database.db()
        .CompactRange({}, database.family(family), nullptr, nullptr)
        .PermitUncheckedError();
  }
}

}  // namespace claviger
