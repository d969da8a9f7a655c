#include "server/sync/sync_loop.h"

#include <functional>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "core/key_record.h"
#include "gtest/gtest.h"
#include "tests/support/fake_clock.h"
#include "tests/support/store_testing.h"

namespace claviger::sync {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);
constexpr Revision kHead{10};

// Keeps what it is sent.
class FakeStream final : public SyncStream {
 public:
  void Send(const FromAuthority& message) override {
    absl::MutexLock lock(&mutex_);
    sent_.push_back(message);
  }
  void Close(absl::Status status) override {
    absl::MutexLock lock(&mutex_);
    status_ = std::move(status);
    closed_ = true;
  }

  std::vector<FromAuthority> sent() {
    absl::MutexLock lock(&mutex_);
    return sent_;
  }
  // How it ended, once it has.
  absl::Status AwaitClosed() {
    absl::MutexLock lock(&mutex_);
    if (!mutex_.AwaitWithTimeout(absl::Condition(&closed_), kPatience)) {
      return absl::DeadlineExceededError("not closed");
    }
    return status_;
  }

 private:
  absl::Mutex mutex_;
  std::vector<FromAuthority> sent_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

class IgnoreState final : public SyncObserver {
 public:
  void OnBarrier(const BarrierReport&) override {}
  void OnState(const HubCounters&, const SessionList&) override {}
};

// A loop whose announcements of longer leases take until the test says so.
class SyncLoopTest : public testing::Test {
 protected:
  static HubOptions Options() {
    HubOptions options;
    options.epoch.bytes.fill(7);
    options.head = kHead;
    options.lease = absl::Seconds(3);
    options.started = absl::Hours(1);
    return options;
  }
  static Hello HelloWith(absl::Duration stale_on_error, Revision resume = {}) {
    Hello hello;
    hello.session_id.fill(1);
    hello.epoch.bytes.fill(7);
    hello.resume_revision = resume;
    hello.stale_on_error = stale_on_error;
    return hello;
  }

  void Connect(ConnectionId connection, std::shared_ptr<FakeStream> stream, Hello hello,
               ProjectFilter filter = {}) {
    loop_.OnHello(connection, std::move(stream),
                  {.caller = "key:1",
                   .peer = "",
                   .key_id = std::nullopt,
                   .still_allowed = [] { return absl::OkStatus(); }},
                  std::move(hello), std::move(filter));
  }
  // Waits until all that was brought so far is done.
  SessionList Settle() {
    absl::Notification done;
    SessionList sessions;
    loop_.ListSessions([&](const SessionList& list) {
      sessions = list;
      done.Notify();
    });
    done.WaitForNotification();
    return sessions;
  }
  // Makes the lease that was asked for last durable.
  void FinishAnnouncement() {
    Settle();
    std::function<void(absl::Status)> done;
    {
      absl::MutexLock lock(&mutex_);
      done = std::exchange(announcement_, nullptr);
    }
    ASSERT_NE(done, nullptr);
    done(absl::OkStatus());
    Settle();
  }
  // A session that sees all projects, at the head with a lease.
  void ConnectWithLease() {
    const ConnectionId connection = loop_.NewConnection();
    Connect(connection, std::make_shared<FakeStream>(), HelloWith(absl::ZeroDuration()));
    FinishAnnouncement();
    loop_.OnBeat(connection, {.beat_id = 1, .acked_revision = kHead});
    const SessionList list = Settle();
    ASSERT_EQ(list.sessions.size(), 1u);
    ASSERT_GT(list.sessions[0].info.lease_left, absl::ZeroDuration());
  }
  // The session comes back on a new connection that has to wait, and beats meanwhile.
  std::shared_ptr<FakeStream> ComeBackWithEarlyBeat(ProjectFilter filter, Revision acked) {
    auto stream = std::make_shared<FakeStream>();
    connection_ = loop_.NewConnection();
    Connect(connection_, stream, HelloWith(absl::Seconds(60), kHead), std::move(filter));
    Settle();
    loop_.OnBeat(connection_, {.beat_id = 1, .acked_revision = acked});
    FinishAnnouncement();
    return stream;
  }
  void Commit(const std::string& project_id) {
    Committed committed;
    committed.revision = kHead.Next();
    committed.keys.push_back(std::make_shared<const KeyRecord>(TestKey(1, project_id)));
    loop_.OnCommitted({&committed, 1});
  }
  // How far a change has reached by now.
  BarrierReport Look(const std::string& project_id) {
    absl::Notification done;
    BarrierReport seen;
    loop_.Await(kHead.Next(), project_id, absl::ZeroDuration(), [&](const BarrierReport& report) {
      seen = report;
      done.Notify();
    });
    done.WaitForNotification();
    return seen;
  }

  FakeClock clock_;
  IgnoreState observer_;
  absl::Mutex mutex_;
  std::function<void(absl::Status)> announcement_ ABSL_GUARDED_BY(mutex_);
  ConnectionId connection_ = 0;  // the one that came back
  SyncLoop loop_{{.hub = Options(),
                  .history = {},
                  .announce_lease =
                      [this](absl::Duration, std::function<void(absl::Status)> done) {
                        absl::MutexLock lock(&mutex_);
                        announcement_ = std::move(done);
                      }},
                 clock_,
                 observer_};
};

TEST_F(SyncLoopTest, ABarrierWaitsForWhoBeatBeforeItWasToldToFlush) {
  ConnectWithLease();
  // It holds keys of `a`, which nobody will evict any more; its position says nothing of that.
  const auto stream = ComeBackWithEarlyBeat(ProjectFilter::Only({"b"}), kHead);
  const auto sent = stream->sent();
  ASSERT_EQ(sent.size(), 1u);
  const auto* welcome = std::get_if<Welcome>(&sent[0]);
  ASSERT_NE(welcome, nullptr);
  ASSERT_FALSE(welcome->resumed);
  Commit("a");
  const BarrierReport report = Look("a");
  EXPECT_EQ(report.outcome, BarrierOutcome::kPending);
  EXPECT_EQ(report.pending_sessions, 1);
  // Once it has flushed and says so, `a` is none of its business.
  loop_.OnBeat(connection_, {.beat_id = 2, .acked_revision = kHead});
  Settle();
  EXPECT_EQ(Look("a").outcome, BarrierOutcome::kAllAcked);
}

TEST_F(SyncLoopTest, WhoResumesNeedNotWaitForItsWelcome) {
  ConnectWithLease();
  const auto stream = ComeBackWithEarlyBeat({}, kHead);
  const auto sent = stream->sent();
  ASSERT_EQ(sent.size(), 2u);
  ASSERT_TRUE(std::holds_alternative<Welcome>(sent[0]));
  EXPECT_TRUE(std::get<Welcome>(sent[0]).resumed);
  ASSERT_TRUE(std::holds_alternative<Grant>(sent[1]));
  EXPECT_EQ(std::get<Grant>(sent[1]).beat_id, 1u);
}

TEST_F(SyncLoopTest, AnEarlyBeatThatLiesEndsTheStream) {
  ConnectWithLease();
  const auto stream = ComeBackWithEarlyBeat(ProjectFilter::Only({"b"}), kHead.Next());
  EXPECT_EQ(stream->AwaitClosed().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace claviger::sync
