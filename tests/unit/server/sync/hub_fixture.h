// A hub and a small language to talk to it.
#ifndef CLAVIGER_TESTS_UNIT_SERVER_SYNC_HUB_FIXTURE_H_
#define CLAVIGER_TESTS_UNIT_SERVER_SYNC_HUB_FIXTURE_H_

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "server/sync/hub.h"

namespace claviger::sync {

// One authority, told the time by hand, with revisions counted by Change.
class HubTest : public testing::Test {
 protected:
  static constexpr ConnectionId kFirst = 1;
  static constexpr ConnectionId kSecond = 2;

  HubTest() { Restart({}); }

  // A new hub, as after a start at the current time and revision.
  void Restart(HubOptions options) {
    options.epoch.bytes.fill(7);
    options.head = head_;
    options.started = now_;
    options_ = options;
    hub_.emplace(options);
  }

  static Hello HelloFrom(uint8_t session, Revision resume = {}, bool same_epoch = true) {
    Hello hello;
    hello.session_id.fill(session);
    if (same_epoch) hello.epoch.bytes.fill(7);
    hello.resume_revision = resume;
    hello.client = "test";
    return hello;
  }

  void Connect(ConnectionId connection, const Hello& hello, ProjectFilter filter = {}) {
    hub_->OnHello(connection, hello, std::move(filter), now_);
  }
  // Connects a new session and lets it earn a lease at the head.
  void ConnectWithLease(ConnectionId connection, uint8_t session, ProjectFilter filter = {}) {
    Connect(connection, HelloFrom(session), std::move(filter));
    Beat(connection, head_);
    hub_->TakeActions();
  }
  void Beat(ConnectionId connection, Revision acked) {
    hub_->OnBeat(connection, {.beat_id = ++beats_, .acked_revision = acked}, now_);
  }
  void Change(const std::string& project = "default") {
    head_ = head_.Next();
    hub_->OnCommitted({Event{.revision = head_, .keys = {{KeyId(), project}}, .projects = {}}},
                      now_);
  }
  void Import(const std::string& project = "default") {
    head_ = head_.Next();
    hub_->OnCommitted(
        {Event{.revision = head_, .keys = {{KeyId(), project}}, .projects = {}, .imports = true}},
        now_);
  }
  void Advance(absl::Duration time) {
    now_ += time;
    hub_->OnTimer(now_);
  }
  void Await(Revision revision, const std::string& project = "default",
             absl::Duration timeout = absl::Minutes(10)) {
    hub_->AddBarrier(++barriers_, revision, project, now_ + timeout, now_);
  }

  // What was sent to `connection` since the last look, and all barriers that ended.
  std::vector<FromAuthority> Sent(ConnectionId connection) {
    std::vector<FromAuthority> sent;
    for (HubAction& action : hub_->TakeActions()) {
      if (auto* send = std::get_if<SendTo>(&action);
          send != nullptr && send->connection == connection) {
        sent.push_back(std::move(send->message));
      }
    }
    return sent;
  }
  std::optional<BarrierReport> Ended() {
    std::optional<BarrierReport> report;
    for (const HubAction& action : hub_->TakeActions()) {
      if (const auto* ended = std::get_if<BarrierEnded>(&action)) report = ended->report;
    }
    return report;
  }

  HubOptions options_;
  std::optional<Hub> hub_;
  absl::Duration now_ = absl::Hours(1);
  Revision head_{10};
  uint64_t beats_ = 0;
  uint64_t barriers_ = 0;
};

template <typename Message>
const Message* As(const FromAuthority& message) {
  return std::get_if<Message>(&message);
}

}  // namespace claviger::sync

#endif  // CLAVIGER_TESTS_UNIT_SERVER_SYNC_HUB_FIXTURE_H_
