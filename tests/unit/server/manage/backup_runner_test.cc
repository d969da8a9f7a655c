#include "server/manage/backup_runner.h"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/memory/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/support/store_testing.h"

namespace claviger {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(20);

// Gives pieces that a test chose, and counts what it has given away.
class FakeSource final : public BackupSource {
 public:
  absl::StatusOr<std::unique_ptr<BackupStream>> BeginBackup(Revision at_least,
                                                            std::string_view version) override {
    at_least_ = at_least.value;
    if (!begin_error.ok()) return begin_error;
    BackupHeader header;
    header.claviger_version = version;
    header.create_time = absl::FromUnixSeconds(1893456000);
    header.head.revision = at_least;
    return std::make_unique<Stream>(*this, std::move(header));
  }

  uint64_t at_least() const { return at_least_; }
  int open() const { return open_; }

  // To be set before a backup begins.
  absl::Status begin_error;
  std::vector<absl::StatusOr<std::string>> pieces = {std::string("one"), std::string("two")};

 private:
  class Stream final : public BackupStream {
   public:
    Stream(FakeSource& source, BackupHeader header) : source_(source), header_(std::move(header)) {
      ++source_.open_;
    }
    ~Stream() override { --source_.open_; }
    const BackupHeader& header() const override { return header_; }
    absl::StatusOr<std::string> Next() override {
      return next_ < source_.pieces.size() ? source_.pieces[next_++] : std::string();
    }

   private:
    FakeSource& source_;
    const BackupHeader header_;
    size_t next_ = 0;
  };

  std::atomic<uint64_t> at_least_{0};
  std::atomic<int> open_{0};
};

// Keeps what it is sent.
class FakeReceiver final : public BackupReceiver {
 public:
  void SendHeader(const BackupHeader& header) override {
    absl::MutexLock lock(&mutex_);
    sent_.push_back("header " + header.claviger_version);
  }
  void SendBytes(std::string bytes) override {
    absl::MutexLock lock(&mutex_);
    sent_.push_back(std::move(bytes));
  }
  void Close(absl::Status status) override {
    absl::MutexLock lock(&mutex_);
    closed_ = std::move(status);
  }
  void CutOff() override {
    absl::MutexLock lock(&mutex_);
    cut_off_ = true;
  }

  // Until so many parts were sent.
  void Await(size_t parts) {
    absl::MutexLock lock(&mutex_);
    const auto came = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return sent_.size() >= parts; };
    EXPECT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&came), kPatience)) << parts << " parts";
  }
  absl::Status AwaitClosed() {
    absl::MutexLock lock(&mutex_);
    const auto closed = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return closed_.has_value(); };
    if (!mutex_.AwaitWithTimeout(absl::Condition(&closed), kPatience)) {
      return absl::UnknownError("is not closed");
    }
    return *closed_;
  }
  std::vector<std::string> sent() {
    absl::MutexLock lock(&mutex_);
    return sent_;
  }
  bool cut_off() {
    absl::MutexLock lock(&mutex_);
    return cut_off_;
  }

 private:
  absl::Mutex mutex_;
  std::vector<std::string> sent_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> closed_ ABSL_GUARDED_BY(mutex_);
  bool cut_off_ ABSL_GUARDED_BY(mutex_) = false;
};

Caller Root(std::vector<std::string> projects = {}) {
  KeyRecord key = TestKey(7, kManagementProject);
  key.scopes = ScopeSet::FromTrusted({"settings.manage"});
  key.bound_project_ids = std::move(projects);
  return Caller::FromKey(std::make_shared<const KeyRecord>(std::move(key)), "10.0.0.1");
}

class BackupRunnerTest : public ::testing::Test {
 protected:
  ~BackupRunnerTest() override {
    runner_.Stop();
    store_->Close();
  }

  struct Taken {
    BackupId id;
    std::shared_ptr<FakeReceiver> receiver;
    absl::Status begun;
  };
  Taken Begin(Caller caller = Root()) {
    Taken taken{runner_.NewId(), std::make_shared<FakeReceiver>(), absl::OkStatus()};
    taken.begun = runner_.Begin(taken.id, taken.receiver,
                                {.caller = std::move(caller), .still_allowed = [this] {
                                   return allowed_ ? absl::OkStatus()
                                                   : absl::PermissionDeniedError("not any more");
                                 }});
    return taken;
  }
  // Takes all of it.
  absl::Status TakeAll(const Taken& taken) {
    for (size_t parts = 1; parts <= 1 + source_.pieces.size(); ++parts) {
      taken.receiver->Await(parts);
      runner_.OnSent(taken.id);
    }
    return taken.receiver->AwaitClosed();
  }
  // How many backups ended how.
  double Ended(const std::string& outcome) const {
    for (const auto& family : metrics_.Collect()) {
      if (family.name != "claviger_backups_total") continue;
      for (const auto& metric : family.metric) {
        if (metric.label.at(0).value == outcome) return metric.counter.value;
      }
    }
    return -1;
  }
  double Gauge(const std::string& name) const {
    for (const auto& family : metrics_.Collect()) {
      if (family.name == name) return family.metric.at(0).gauge.value;
    }
    return -1;
  }

  FakeClock clock_;
  FakeRandom random_;
  const std::unique_ptr<MemoryStore> store_ =
      MemoryStore::Create({.clock = &clock_, .random = &random_}).value();
  FakeSource source_;
  BackupMetrics metrics_;
  std::atomic<bool> allowed_{true};
  BackupRunner runner_{*store_, source_, clock_, metrics_, "1.2.3"};
};

TEST_F(BackupRunnerTest, SendsTheHeaderAndThenEachPieceWhenTheOneBeforeIsSent) {
  const Taken taken = Begin();
  ASSERT_TRUE(taken.begun.ok()) << taken.begun;
  taken.receiver->Await(1);
  EXPECT_THAT(taken.receiver->sent(), ElementsAre("header 1.2.3"));
  EXPECT_TRUE(TakeAll(taken).ok());
  EXPECT_THAT(taken.receiver->sent(), ElementsAre("header 1.2.3", "one", "two"));
  EXPECT_EQ(source_.open(), 0);
  EXPECT_EQ(Ended("completed"), 1);
  EXPECT_EQ(Gauge("claviger_backup_last_success_timestamp_seconds"), 1893456000);
  EXPECT_GT(Gauge("claviger_backup_last_success_bytes"), 0);
}

TEST_F(BackupRunnerTest, IsInTheAuditLogBeforeItIsMadeAndHasThatEntry) {
  ASSERT_TRUE(CommitAndWait(*store_, Putting(TestProject("default"))).ok());
  const Taken taken = Begin();
  EXPECT_TRUE(TakeAll(taken).ok());
  const auto entries = store_->ReadAudit(Revision{}, 100);
  ASSERT_TRUE(entries.ok());
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_EQ(entries->back().draft.action, "Backup");
  EXPECT_EQ(entries->back().draft.actor, Root().actor());
  EXPECT_EQ(entries->back().draft.peer, "10.0.0.1");
  EXPECT_EQ(entries->back().draft.refusal, "");
  EXPECT_EQ(source_.at_least(), entries->back().revision.value);
}

TEST_F(BackupRunnerTest, ThereIsOneAtATimeAndTheNextAsSoonAsTheEndIsTold) {
  const Taken first = Begin();
  ASSERT_TRUE(first.begun.ok());
  const Taken second = Begin();
  EXPECT_EQ(second.begun.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(DetailsOf(second.begun).reason, Reason::kOverloaded);
  EXPECT_TRUE(DetailsOf(second.begun).retry_after.has_value());
  for (int i = 0; i < 50; ++i) {
    const Taken next = i == 0 ? first : Begin();
    ASSERT_TRUE(next.begun.ok()) << next.begun;
    EXPECT_TRUE(TakeAll(next).ok());
  }
  EXPECT_THAT(second.receiver->sent(), ElementsAre());
}

TEST_F(BackupRunnerTest, ABoundCallerIsRefusedAndNothingIsRecorded) {
  const Taken taken = Begin(Root({"default"}));
  EXPECT_EQ(taken.begun.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(taken.begun.message()), HasSubstr("bound to projects"));
  EXPECT_EQ(store_->applied_revision(), Revision{});
}

TEST_F(BackupRunnerTest, WhoTakesNothingForAMinuteIsCutOff) {
  const Taken taken = Begin();
  taken.receiver->Await(1);
  clock_.Advance(BackupRunner::kMaxStall + absl::Seconds(1));
  runner_.Tick();
  EXPECT_EQ(taken.receiver->AwaitClosed().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(taken.receiver->cut_off());
  EXPECT_EQ(source_.open(), 0);
  EXPECT_EQ(Ended("cut_off"), 1);
  EXPECT_TRUE(TakeAll(Begin()).ok()) << "there is room for the next";
}

TEST_F(BackupRunnerTest, WhoTakesAPieceAMinuteIsNotCutOff) {
  source_.pieces.assign(10, std::string("piece"));
  const Taken taken = Begin();
  for (size_t parts = 1; parts <= 11; ++parts) {
    taken.receiver->Await(parts);
    clock_.Advance(BackupRunner::kMaxStall - absl::Seconds(1));
    runner_.Tick();
    runner_.OnSent(taken.id);
  }
  EXPECT_TRUE(taken.receiver->AwaitClosed().ok());
  EXPECT_FALSE(taken.receiver->cut_off());
}

TEST_F(BackupRunnerTest, WhoLosesThePermissionGetsNothingMore) {
  const Taken taken = Begin();
  taken.receiver->Await(1);
  allowed_ = false;
  runner_.Tick();
  // It is told why behind what is on its way.
  runner_.OnSent(taken.id);
  EXPECT_EQ(taken.receiver->AwaitClosed().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(taken.receiver->sent(), ElementsAre("header 1.2.3"));
  EXPECT_EQ(source_.open(), 0);
  EXPECT_EQ(Ended("cut_off"), 1);
}

TEST_F(BackupRunnerTest, WhoLosesThePermissionAndTakesNothingIsCutOff) {
  const Taken taken = Begin();
  taken.receiver->Await(1);
  allowed_ = false;
  clock_.Advance(BackupRunner::kMaxStall + absl::Seconds(1));
  runner_.Tick();
  EXPECT_FALSE(taken.receiver->AwaitClosed().ok());
  EXPECT_TRUE(taken.receiver->cut_off());
}

TEST_F(BackupRunnerTest, WhoGoesAwayEndsIt) {
  const Taken taken = Begin();
  taken.receiver->Await(1);
  runner_.OnClosed(taken.id);
  EXPECT_EQ(taken.receiver->AwaitClosed().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(source_.open(), 0);
  EXPECT_EQ(Ended("cut_off"), 1);
  // What the receiver of before has to say concerns nobody.
  const Taken next = Begin();
  runner_.OnClosed(taken.id);
  EXPECT_TRUE(TakeAll(next).ok());
}

TEST_F(BackupRunnerTest, AnErrorOfTheStoreIsTold) {
  source_.begin_error = absl::ResourceExhaustedError("no room");
  const Taken refused = Begin();
  EXPECT_EQ(refused.receiver->AwaitClosed().message(), "no room");
  EXPECT_THAT(refused.receiver->sent(), ElementsAre());
  source_.begin_error = absl::OkStatus();
  source_.pieces = {std::string("one"), absl::UnavailableError("the disk is gone")};
  const Taken cut = Begin();
  cut.receiver->Await(1);
  runner_.OnSent(cut.id);
  cut.receiver->Await(2);
  runner_.OnSent(cut.id);
  EXPECT_EQ(cut.receiver->AwaitClosed().message(), "the disk is gone");
  EXPECT_EQ(source_.open(), 0);
  EXPECT_EQ(Ended("failed"), 2);
  EXPECT_EQ(Ended("completed"), 0);
  EXPECT_EQ(Gauge("claviger_backup_last_success_timestamp_seconds"), 0);
}

TEST_F(BackupRunnerTest, AStoreThatTakesNoChangesGivesNoBackup) {
  store_->Close();
  const Taken taken = Begin();
  EXPECT_EQ(DetailsOf(taken.receiver->AwaitClosed()).reason, Reason::kShuttingDown);
  EXPECT_EQ(source_.at_least(), 0u) << "none was begun";
  EXPECT_EQ(Ended("failed"), 1);
}

TEST_F(BackupRunnerTest, AStopEndsTheOneUnderWayAndLetsNoneBegin) {
  const Taken taken = Begin();
  taken.receiver->Await(1);
  runner_.Stop();
  EXPECT_EQ(DetailsOf(taken.receiver->AwaitClosed()).reason, Reason::kShuttingDown);
  EXPECT_FALSE(taken.receiver->cut_off()) << "the server gives it the drain timeout";
  EXPECT_EQ(source_.open(), 0);
  EXPECT_EQ(Ended("cut_off"), 1);
  EXPECT_EQ(DetailsOf(Begin().begun).reason, Reason::kShuttingDown);
}

}  // namespace
}  // namespace claviger
