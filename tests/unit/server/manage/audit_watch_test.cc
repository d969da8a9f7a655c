#include "server/manage/audit_watch.h"

#include <memory>
#include <string>
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

using ::testing::SizeIs;

constexpr absl::Duration kPatience = absl::Seconds(20);

// Keeps what it is sent.
class FakeStream final : public AuditStream {
 public:
  void Send(std::vector<AuditNews> news) override {
    absl::MutexLock lock(&mutex_);
    lots_.push_back(std::move(news));
  }
  void Close(absl::Status status) override {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
    status_ = std::move(status);
  }

  // Lot number `n`, from 0, once it is there.
  std::vector<AuditNews> Lot(size_t n) {
    absl::MutexLock lock(&mutex_);
    const auto is_there = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return lots_.size() > n; };
    if (!mutex_.AwaitWithTimeout(absl::Condition(&is_there), kPatience)) {
      ADD_FAILURE() << "lot " << n << " does not come";
      return {AuditNews{}};
    }
    return lots_[n];
  }
  size_t lots() {
    absl::MutexLock lock(&mutex_);
    return lots_.size();
  }
  absl::Status AwaitClosed() {
    absl::MutexLock lock(&mutex_);
    if (!mutex_.AwaitWithTimeout(absl::Condition(&closed_), kPatience)) {
      return absl::DeadlineExceededError("not closed");
    }
    return status_;
  }

 private:
  absl::Mutex mutex_;
  std::vector<std::vector<AuditNews>> lots_;
  bool closed_ = false;
  absl::Status status_;
};

class AuditWatchUnitTest : public ::testing::Test {
 protected:
  AuditWatchUnitTest() { store_->AddListener(&watch_); }
  ~AuditWatchUnitTest() override { store_->Close(); }

  static Caller Reader() {
    auto identity = std::make_shared<CertificateIdentity>();
    identity->permissions = ScopeSet::FromTrusted({"audit.read"});
    return Caller::FromCertificate(std::move(identity), "");
  }
  AuditWatchParams ParamsOf(std::string actor) {
    AuditWatchParams params = Params();
    params.actor = std::move(actor);
    return params;
  }
  AuditWatchParams Params(AuditFilter filter = {}) {
    return {.selection = AuditSelection(std::move(filter), Reader()),
            .after = {},
            .from_now = false,
            .actor = "cert:dns:reader",
            .still_allowed = [this] {
              absl::MutexLock lock(&mutex_);
              return allowed_;
            }};
  }
  void Forbid() {
    absl::MutexLock lock(&mutex_);
    allowed_ = absl::PermissionDeniedError("no more");
  }
  void Add(const std::string& project_id, size_t entries = 1) {
    std::vector<PendingCommit> pending;
    for (size_t i = 0; i < entries; ++i) {
      ChangeSet changes;
      changes.only_audit = true;
      changes.audit.project_id = project_id;
      pending.emplace_back(*store_, Giving(changes));
    }
    for (const PendingCommit& commit : pending) ASSERT_TRUE(commit.Wait().ok());
  }
  std::shared_ptr<FakeStream> Open(AuditWatchParams params, AuditWatchId* id = nullptr) {
    auto stream = std::make_shared<FakeStream>();
    const AuditWatchId own = watch_.NewId();
    EXPECT_TRUE(watch_.Add(own, stream, std::move(params)).ok());
    if (id != nullptr) *id = own;
    return stream;
  }

  FakeClock clock_;
  FakeRandom random_;
  absl::Mutex mutex_;
  absl::Status allowed_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<MemoryStore> store_ =
      MemoryStore::Create({.clock = &clock_, .random = &random_}).value();
  AuditWatch watch_{*store_};
};

TEST_F(AuditWatchUnitTest, OneLotAtATime) {
  Add("a", AuditWatch::kEntriesPerTurn + 5);
  AuditWatchId id = 0;
  const auto stream = Open(Params(), &id);
  const auto first = stream->Lot(0);
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_FALSE(first[0].entry.has_value());
  EXPECT_EQ(first[0].position, Revision{0});
  // Another stream gets through, and this one nothing before it asks.
  const auto other = Open(Params());
  other->Lot(0);
  EXPECT_EQ(stream->lots(), 1u);
  watch_.OnSent(id);
  EXPECT_THAT(stream->Lot(1), SizeIs(AuditWatch::kEntriesPerTurn));
  watch_.OnSent(id);
  const auto rest = stream->Lot(2);
  ASSERT_THAT(rest, SizeIs(5));
  EXPECT_EQ(rest.back().position, Revision{AuditWatch::kEntriesPerTurn + 5});
}

TEST_F(AuditWatchUnitTest, APositionIsToldWhereNothingMatches) {
  AuditFilter filter;
  filter.project_ids = {"b"};
  AuditWatchId id = 0;
  const auto stream = Open(Params(filter), &id);
  stream->Lot(0);
  watch_.OnSent(id);
  Add("a", AuditWatch::kPositionEvery + AuditWatch::kEntriesPerTurn);
  const auto moved = stream->Lot(1);
  ASSERT_THAT(moved, SizeIs(1));
  EXPECT_FALSE(moved[0].entry.has_value());
  EXPECT_GE(moved[0].position.value, AuditWatch::kPositionEvery);
  watch_.OnSent(id);
  Add("b");
  const auto told = stream->Lot(2);
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].entry->draft.project_id, "b");
}

TEST_F(AuditWatchUnitTest, NothingIsToldToWhomItIsNoLongerAllowed) {
  AuditWatchId id = 0;
  const auto stream = Open(Params(), &id);
  stream->Lot(0);
  watch_.OnSent(id);
  Forbid();
  Add("a");
  EXPECT_EQ(stream->AwaitClosed().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(stream->lots(), 1u);
}

TEST_F(AuditWatchUnitTest, AnIdleStreamEndsWhenCallersAreLookedAt) {
  const auto stream = Open(Params());
  stream->Lot(0);
  Forbid();
  watch_.CheckCallers();
  EXPECT_EQ(stream->AwaitClosed().code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(AuditWatchUnitTest, MoreThanItsBoundAreRefused) {
  std::vector<AuditWatchId> ids(AuditWatch::kMaxStreams);
  for (size_t i = 0; i < ids.size(); ++i) {
    Open(ParamsOf("key:" + std::to_string(i / AuditWatch::kMaxStreamsOfActor)), &ids[i]);
  }
  const auto refused = std::make_shared<FakeStream>();
  const AuditWatchId id = watch_.NewId();
  EXPECT_EQ(watch_.Add(id, refused, Params()).code(), absl::StatusCode::kResourceExhausted);
  watch_.OnClosed(ids[7]);
  EXPECT_TRUE(watch_.Add(id, refused, Params()).ok());
}

// One caller could take all there are.
TEST_F(AuditWatchUnitTest, OneCallerGetsItsPartAndLeavesTheRestToOthers) {
  std::vector<AuditWatchId> ids(AuditWatch::kMaxStreamsOfActor);
  for (AuditWatchId& id : ids) Open(ParamsOf("key:greedy"), &id);
  const auto stream = std::make_shared<FakeStream>();
  const AuditWatchId id = watch_.NewId();
  const absl::Status refused = watch_.Add(id, stream, ParamsOf("key:greedy"));
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(DetailsOf(refused).reason, Reason::kOverloaded);
  EXPECT_EQ(refused.message(),
            "key:greedy watches the audit log by 32 streams already, the most that one caller may "
            "have: end one of them first");
  Open(ParamsOf("key:other"))->Lot(0);
  watch_.OnClosed(ids[7]);
  EXPECT_TRUE(watch_.Add(id, stream, ParamsOf("key:greedy")).ok());
}

TEST_F(AuditWatchUnitTest, StoppingEndsAllAndTakesNoMore) {
  const auto stream = Open(Params());
  watch_.Stop();
  EXPECT_EQ(DetailsOf(stream->AwaitClosed()).reason, Reason::kShuttingDown);
  EXPECT_EQ(DetailsOf(watch_.Add(watch_.NewId(), stream, Params())).reason, Reason::kShuttingDown);
}

}  // namespace
}  // namespace claviger
