// The verifier's half of the Sync stream, its actions as lines of text, and a small language to
// drive it.
#ifndef CLAVIGER_TESTS_UNIT_CLIENT_SYNC_CLIENT_FIXTURE_H_
#define CLAVIGER_TESTS_UNIT_CLIENT_SYNC_CLIENT_FIXTURE_H_

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "client/src/sync_client.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_random.h"
#include "tests/unit/client/grant_testing.h"

namespace claviger::client {

using Lines = std::vector<std::string>;

const Epoch kEpoch = EpochOf(1);
const Epoch kOtherEpoch = EpochOf(2);
constexpr absl::Duration kLease = absl::Seconds(3);
// To the verifier: 3 s less 0.5 %.
constexpr absl::Duration kOwnLease = absl::Milliseconds(2'985);

// One line per action, times in milliseconds; keys by their number.
struct Describe {
  std::string operator()(const CacheStep& step) const {
    std::string text = step.flush ? "flush" : "";
    for (const sync::Item& item : step.items) {
      if (!text.empty()) text += ", ";
      if (const auto* const key = std::get_if<sync::KeyItem>(&item)) {
        text += fmt::format("evict {}", std::stoull(key->id.ToString()));
      } else if (const auto* const project = std::get_if<sync::ProjectItem>(&item)) {
        text += "evict " + project->id;
      } else {
        text += "evict all";
      }
    }
    return fmt::format("{}{}go to {}{}", text, text.empty() ? "" : ", ", step.position.value,
                       step.epoch == kEpoch ? "" : " of another epoch");
  }
  std::string operator()(const SetLease& lease) const {
    return fmt::format("lease to {}", absl::ToInt64Milliseconds(lease.end));
  }
  std::string operator()(const Send& send) const {
    if (const auto* const hello = std::get_if<sync::Hello>(&send.message)) {
      return fmt::format("hello at {}{}", hello->resume_revision.value,
                         hello->epoch == Epoch() ? " of no epoch" : "");
    }
    const auto& beat = std::get<sync::Beat>(send.message);
    return fmt::format("beat {} at {}", beat.beat_id, beat.acked_revision.value);
  }
  std::string operator()(const Connect& connect) const {
    return fmt::format("connect {} after {}", connect.connection,
                       absl::ToInt64Milliseconds(connect.delay));
  }
  std::string operator()(const SetImportedKeys&) const { return {}; }
  std::string operator()(const SetTimer&) const { return {}; }
};

class SyncClientTest : public testing::Test {
 protected:
  explicit SyncClientTest(const SyncRules& rules = {})
      : client_({.session_id = {7},
                 .project_ids = {"web"},
                 .stale_on_error = absl::Seconds(9),
                 .client = "test/1"},
                random_, rules) {}

  // The actions but for the timer and the imported keys, which are kept apart.
  Lines Note(const SyncActions& actions) {
    Lines lines;
    for (const SyncAction& action : actions) {
      if (const auto* const timer = std::get_if<SetTimer>(&action)) {
        timer_ = timer->at;
      } else if (const auto* const imported = std::get_if<SetImportedKeys>(&action)) {
        imported_keys_ = imported->any;
        learned_at_ = lines.size();
      } else {
        lines.push_back(std::visit(Describe(), action));
      }
    }
    return lines;
  }
  Lines Connected() { return Note(client_.OnConnected(connection_, now_)); }
  Lines Get(const sync::FromAuthority& message) {
    return Note(client_.OnMessage(connection_, message, now_));
  }
  Lines Disconnected() { return Note(client_.OnDisconnected(connection_, now_)); }
  Lines At(absl::Duration time) {
    now_ = time;
    timer_ = absl::InfiniteDuration();  // a timer fires once
    return Note(client_.OnTimer(now_));
  }

  static sync::Welcome Resumed(uint64_t head, const Epoch& epoch = kEpoch) {
    return {.epoch = epoch,
            .head_revision = {head},
            .resumed = true,
            .lease = kLease,
            .beat_interval = absl::Seconds(1)};
  }
  static sync::Welcome Fresh(uint64_t head, const Epoch& epoch = kEpoch) {
    sync::Welcome welcome = Resumed(head, epoch);
    welcome.resumed = false;
    return welcome;
  }
  static sync::Invalidation Invalid(uint64_t previous, uint64_t to, uint64_t key) {
    return {
        .previous_revision = {previous}, .to_revision = {to}, .items = {sync::KeyItem{IdOf(key)}}};
  }
  static sync::Grant GrantFor(uint64_t beat, uint64_t up_to) {
    return {.beat_id = beat, .up_to_revision = {up_to}, .lease = kLease};
  }

  // On connection 1, in step at revision 10, with a lease from time 100 s.
  void Follow() {
    Note(client_.Start());
    Connected();
    Get(Fresh(10));
    Get(GrantFor(1, 10));
  }
  // Loses the connection and comes back, up to before the Welcome.
  void ComeBack(absl::Duration at) {
    Disconnected();
    ++connection_;
    now_ = at;
    Connected();
  }

  ConstantRandom random_{0};  // draws the shortest delays
  SyncClient client_;
  ConnectionId connection_ = 1;
  absl::Duration now_ = absl::Seconds(100);
  absl::Duration timer_ = absl::InfiniteDuration();
  bool imported_keys_ = true;  // as a view has it at first
  size_t learned_at_ = 0;      // behind how many other actions it was last set
};

}  // namespace claviger::client

#endif  // CLAVIGER_TESTS_UNIT_CLIENT_SYNC_CLIENT_FIXTURE_H_
