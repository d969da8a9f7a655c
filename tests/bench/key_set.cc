#include "tests/bench/key_set.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "core/digest.h"
#include "core/key_format.h"
#include "core/key_record.h"
#include "core/platform/system_clock.h"
#include "core/platform/system_random.h"
#include "fmt/format.h"
#include "storage/rocksdb/rocksdb_store.h"
#include "tests/support/interrupt.h"

namespace claviger::bench {
namespace {

constexpr uint64_t kKeysPerCommit = 1000;
// Commits that wait while the next keys are made.
constexpr int kMaxWaiting = 4;
constexpr uint64_t kProgressKeys = 1'000'000;

// Commits without waiting for each.
class Committer {
 public:
  explicit Committer(KeyStore& store) : store_(store) {}
  ~Committer() { Finish().IgnoreError(); }

  void Commit(ChangeSet changes) {
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &Committer::HasRoom));
      ++waiting_;
    }
    store_.Commit(
        [changes = std::move(changes)](const StateReader&) mutable -> absl::StatusOr<ChangeSet> {
          return std::move(changes);
        },
        [this](const absl::StatusOr<Committed>& committed) {
          absl::MutexLock lock(&mutex_);
          --waiting_;
          if (!committed.ok()) failure_ = committed.status();
        });
  }

  // Waits for all; the last failure if there was one.
  absl::Status Finish() {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &Committer::IsIdle));
    return failure_;
  }

 private:
  bool HasRoom() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return waiting_ < kMaxWaiting; }
  bool IsIdle() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return waiting_ == 0; }

  KeyStore& store_;
  absl::Mutex mutex_;
  int waiting_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

struct NewKey {
  Secret text;
  KeyRecord record;
};

absl::StatusOr<NewKey> MakeKey(uint64_t number, const PepperSet& peppers, RandomSource& random,
                               absl::Time now) {
  const absl::StatusOr<KeyId> id = KeyId::Generate(random);
  if (!id.ok()) return id.status();
  absl::StatusOr<Secret> text = GenerateKey(kDefaultKeyPrefix, Environment::kLive, *id, random);
  if (!text.ok()) return text.status();
  const absl::StatusOr<KeyDigest> digest =
      peppers.Digest(peppers.writing_id(), *id, HashKey(text->ExposeSecret()));
  if (!digest.ok()) return digest.status();
  NewKey key;
  key.record.id = *id;
  key.record.project_id = kBenchProject;
  key.record.display_name = fmt::format("key {:08}", number);
  key.record.prefix = kDefaultKeyPrefix;
  key.record.masked_key = MaskKey(*text);
  key.record.digest = *digest;
  key.record.pepper_id = peppers.writing_id();
  key.record.scopes =
      ScopeSet::FromTrusted({std::string(kBenchScope), "orders:write", "invoices:*"});
  key.record.owner = OwnerOf(number);
  key.record.labels = {{"team", "billing"}};
  key.record.create_time = now;
  key.record.created_by = "system";
  key.record.update_time = now;
  key.text = *std::move(text);
  return key;
}

ChangeSet NewChangeSet() {
  ChangeSet changes;
  changes.audit = {.actor = "system",
                   .peer = "",
                   .action = "ImportKeys",
                   .project_id = std::string(kBenchProject),
                   .key_id = "",
                   .detail = ""};
  return changes;
}

ChangeSet ProjectChange(absl::Time now) {
  ChangeSet changes = NewChangeSet();
  ProjectRecord project;
  project.project_id = kBenchProject;
  project.display_name = "Bench";
  project.create_time = now;
  project.update_time = now;
  changes.put_projects.push_back(std::move(project));
  return changes;
}

absl::StatusOr<PepperSet> MakePeppers(const std::string& data_dir, RandomSource& random) {
  const absl::StatusOr<Secret> line = PepperSet::GenerateLine("p1", random);
  if (!line.ok()) return line.status();
  const std::string file = data_dir + "/pepper";
  std::ofstream(file) << line->ExposeSecret();
  if (chmod(file.c_str(), S_IRUSR | S_IWUSR) != 0) {
    return absl::InternalError(fmt::format("cannot close {} to others", file));
  }
  return PepperSet::Parse(*line);
}

// Makes the keys and commits them, writing each one's text to `texts`. Their length.
absl::StatusOr<uint32_t> FillStore(KeyStore& store, const PepperSet& peppers, RandomSource& random,
                                   absl::Time now, uint64_t count, std::ofstream& texts) {
  Committer committer(store);
  committer.Commit(ProjectChange(now));
  uint32_t key_length = 0;
  for (uint64_t made = 0; made < count;) {
    if (absl::Status s = CheckInterrupt(); !s.ok()) return s;
    ChangeSet changes = NewChangeSet();
    for (; changes.put_keys.size() < kKeysPerCommit && made < count; ++made) {
      absl::StatusOr<NewKey> key = MakeKey(made, peppers, random, now);
      if (!key.ok()) return key.status();
      texts << key->text.ExposeSecret();
      key_length = static_cast<uint32_t>(key->text.size());
      changes.put_keys.push_back(std::move(key->record));
    }
    committer.Commit(std::move(changes));
    if (made % kProgressKeys == 0) Progress(fmt::format("{} keys made", made));
  }
  if (absl::Status s = committer.Finish(); !s.ok()) return s;
  return key_length;
}

}  // namespace

std::string OwnerOf(uint64_t number) { return fmt::format("user-{:08}", number / kKeysOfAnOwner); }

absl::StatusOr<KeySet> MakeKeySet(BenchEnvironment& environment, uint64_t count) {
  static SystemClock clock;
  static SystemRandom random;
  KeySet keys{.data_dir = environment.NewPath("data"), .key_file = "", .count = count};
  std::error_code error;
  std::filesystem::create_directory(keys.data_dir, error);
  keys.key_file = environment.NewPath("keys");
  const absl::StatusOr<PepperSet> peppers = MakePeppers(keys.data_dir, random);
  if (!peppers.ok()) return peppers.status();
  RocksDbStoreOptions options;
  options.data_dir = keys.data_dir;
  options.clock = &clock;
  options.random = &random;
  const absl::StatusOr<std::unique_ptr<RocksDbStore>> store = RocksDbStore::Open(options);
  if (!store.ok()) return store.status();
  std::ofstream texts(keys.key_file, std::ios::binary);
  const absl::StatusOr<uint32_t> key_length =
      FillStore(**store, *peppers, random, clock.Now(), count, texts);
  if (!key_length.ok()) return key_length.status();
  keys.key_length = *key_length;
  texts.close();
  if (!texts) return absl::InternalError(fmt::format("cannot write {}", keys.key_file));
  (*store)->Close();
  return keys;
}

}  // namespace claviger::bench
