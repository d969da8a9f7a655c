// What `claviger watch` makes of the stream, and how it shows it.

#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/watch_feed.h"
#include "client/cli/watch_view.h"

namespace claviger::cli {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kEpoch[] = "0123456789abcdef";
constexpr char kOtherEpoch[] = "fedcba9876543210";

v1::SyncResponse Welcome(uint64_t head, bool resumed, const std::string& epoch = kEpoch) {
  v1::SyncResponse message;
  message.mutable_welcome()->set_epoch(epoch);
  message.mutable_welcome()->set_head_revision(head);
  message.mutable_welcome()->set_resumed(resumed);
  message.mutable_welcome()->set_all_projects(true);
  return message;
}

v1::SyncResponse Invalidation(uint64_t from, uint64_t to, const std::vector<std::string>& keys) {
  v1::SyncResponse message;
  message.mutable_invalidation()->set_previous_revision(from);
  message.mutable_invalidation()->set_to_revision(to);
  for (const std::string& key : keys) message.mutable_invalidation()->add_items()->set_key_id(key);
  return message;
}

// `KEY a@3 PROJECT web@4 RESET@5>2`.
std::string Summary(const std::vector<WatchEvent>& events) {
  std::string text;
  for (const WatchEvent& event : events) {
    static constexpr const char* kNames[] = {"KEY ", "PROJECT ", "ALL", "RESET"};
    text += (text.empty() ? "" : " ") + std::string(kNames[static_cast<int>(event.what)]) +
            event.id + "@" + std::to_string(event.revision);
    if (event.what == WatchEvent::What::kReset) text += ">" + std::to_string(event.since);
  }
  return text;
}

class WatchFeedTest : public ::testing::Test {
 protected:
  static WatchFeed NewFeed() {
    v1::SyncHello hello;
    hello.set_session_id("session of 16 by");
    return WatchFeed(hello);
  }

  // What `message` comes to; the acknowledgement goes to `acked_`, 0 for none.
  std::string Hear(const v1::SyncResponse& message) {
    const auto heard = feed_.OnMessage(message);
    EXPECT_TRUE(heard.ok()) << heard.status();
    if (!heard.ok()) return "error";
    acked_ = heard->answer.has_value() ? heard->answer->beat().acked_revision() : 0;
    return Summary(heard->events);
  }
  void Connect(const v1::SyncResponse& welcome) {
    feed_.Hello();
    Hear(welcome);
  }

  WatchFeed feed_ = NewFeed();
  uint64_t acked_ = 0;
};

TEST_F(WatchFeedTest, BeginsAsAnObserverAtTheHead) {
  const v1::SyncRequest hello = feed_.Hello();
  EXPECT_TRUE(hello.hello().observer());
  EXPECT_EQ(hello.hello().epoch(), "");
  EXPECT_EQ(hello.hello().resume_revision(), 0u);
  EXPECT_EQ(Hear(Welcome(17, false)), "");
  EXPECT_EQ(acked_, 17u);
  EXPECT_EQ(feed_.position(), 17u);
}

TEST_F(WatchFeedTest, TellsEachItemAndAcknowledges) {
  Connect(Welcome(17, false));
  v1::SyncResponse message = Invalidation(17, 20, {"a", "b"});
  message.mutable_invalidation()->add_items()->set_project_id("web");
  message.mutable_invalidation()->add_items()->set_all(true);
  message.mutable_invalidation()->add_items();  // of a kind that this build does not know
  EXPECT_EQ(Hear(message), "KEY a@20 KEY b@20 PROJECT web@20 ALL@20 ALL@20");
  EXPECT_EQ(acked_, 20u);
}

TEST_F(WatchFeedTest, GoesOnWhereItWas) {
  Connect(Welcome(17, false));
  Hear(Invalidation(17, 20, {"a"}));
  const v1::SyncRequest hello = feed_.Hello();
  EXPECT_EQ(hello.hello().epoch(), kEpoch);
  EXPECT_EQ(hello.hello().resume_revision(), 20u);
  EXPECT_EQ(Hear(Welcome(23, true)), "");
  EXPECT_EQ(acked_, 20u);
  EXPECT_EQ(Hear(Invalidation(20, 23, {"b"})), "KEY b@23");
}

TEST_F(WatchFeedTest, SaysWhatMayHaveBeenMissed) {
  const struct {
    std::string name;
    v1::SyncResponse welcome;
    const char* want;
  } cases[] = {
      {"not resumed", Welcome(23, false), "RESET@23>17"},
      {"nothing happened meanwhile", Welcome(17, false), ""},
      {"another history", Welcome(17, false, kOtherEpoch), "RESET@17>17"},
      {"another history that claims to be ours", Welcome(5, true, kOtherEpoch), "RESET@5>17"},
  };
  for (const auto& c : cases) {
    feed_ = NewFeed();
    Connect(Welcome(17, false));
    feed_.Hello();
    EXPECT_EQ(Hear(c.welcome), c.want) << c.name;
    EXPECT_EQ(acked_, c.welcome.welcome().head_revision()) << c.name;
  }
  Connect(Welcome(30, false));
  EXPECT_EQ(Hear(Invalidation(33, 34, {"a"})), "RESET@33>30 KEY a@34");
  v1::SyncResponse reset;
  reset.mutable_reset()->set_to_revision(99);
  EXPECT_EQ(Hear(reset), "RESET@99>34");
  EXPECT_EQ(acked_, 99u);
}

TEST_F(WatchFeedTest, ALeaseNeedsNoAnswer) {
  Connect(Welcome(17, false));
  v1::SyncResponse grant;
  grant.mutable_grant()->set_up_to_revision(20);
  EXPECT_EQ(Hear(grant), "");
  EXPECT_EQ(acked_, 0u);
  EXPECT_EQ(feed_.position(), 17u);
}

TEST_F(WatchFeedTest, ComesBackWhenToldTo) {
  Connect(Welcome(17, false));
  v1::SyncResponse message;
  for (const auto& [seconds, want] : {std::pair{2, 2}, {-1, 0}, {100'000, 60}}) {
    message.mutable_go_away()->mutable_reconnect_after()->set_seconds(seconds);
    EXPECT_EQ(feed_.OnMessage(message)->come_back, absl::Seconds(want));
  }
}

TEST_F(WatchFeedTest, MessagesOutOfOrderAreAnError) {
  feed_.Hello();
  EXPECT_FALSE(feed_.OnMessage(Invalidation(1, 2, {"a"})).ok());
  Connect(Welcome(17, false));
  EXPECT_FALSE(feed_.OnMessage(Welcome(17, true)).ok());
}

// 2030-01-31T12:00:00.250Z.
constexpr absl::Time kTime = absl::FromUnixMillis(1'896'091'200'250);

TEST(WatchViewTest, LinesStandInColumns) {
  EXPECT_EQ(WatchHeader(), "TIME                  REVISION  WHAT\n");
  EXPECT_EQ(WatchLine({.what = WatchEvent::What::kKey, .id = "00Yx", .revision = 17}, kTime, true),
            "2030-01-31T12:00:00Z        17  KEY 00Yx\n");
  EXPECT_EQ(WatchLine({.what = WatchEvent::What::kAll, .revision = 123'456'789}, kTime, true),
            "2030-01-31T12:00:00Z  123456789  ALL\n");
  const WatchEvent reset{.what = WatchEvent::What::kReset, .id = "", .revision = 20, .since = 17};
  EXPECT_THAT(WatchLine(reset, kTime, false),
              EndsWith("RESET what changed since revision 17 was missed\n"));
  EXPECT_THAT(WatchLine(reset, kTime, true), HasSubstr("\x1b[33mRESET"));
}

TEST(WatchViewTest, AnIdCannotWriteOnTheTerminal) {
  const std::string line = WatchLine(
      {.what = WatchEvent::What::kProject, .id = "a\x1b[2J\nb", .revision = 17}, kTime, false);
  EXPECT_THAT(line, EndsWith("PROJECT a\\x1b[2J\\x0ab\n"));
}

TEST(WatchViewTest, JsonIsOneObjectInALine) {
  const auto fields_of = [](const WatchEvent& event) {
    const absl::StatusOr<std::string> line = WatchJsonLine(event, kTime);
    EXPECT_TRUE(line.ok()) << line.status();
    EXPECT_THAT(line->substr(0, line->size() - 1), Not(HasSubstr("\n")));
    EXPECT_THAT(*line, EndsWith("\n"));
    google::protobuf::Struct json;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(*line, &json).ok());
    std::map<std::string, std::string> fields;
    for (const auto& [name, value] : json.fields()) fields[name] = value.string_value();
    return fields;
  };
  using Fields = std::map<std::string, std::string>;
  EXPECT_EQ(fields_of({.what = WatchEvent::What::kKey, .id = "00Yx\n", .revision = 17}),
            (Fields{{"time", "2030-01-31T12:00:00.250Z"},
                    {"revision", "17"},
                    {"what", "KEY"},
                    {"id", "00Yx\n"}}));
  EXPECT_EQ(fields_of({.what = WatchEvent::What::kReset, .id = "", .revision = 20, .since = 17}),
            (Fields{{"time", "2030-01-31T12:00:00.250Z"},
                    {"revision", "20"},
                    {"what", "RESET"},
                    {"since", "17"}}));
}

TEST(WatchViewTest, SaysWhatIsWatched) {
  v1::SyncWelcome welcome;
  welcome.set_all_projects(true);
  EXPECT_EQ(DescribeWelcome(welcome, 17), "watching all projects from revision 17");
  welcome.set_all_projects(false);
  EXPECT_THAT(DescribeWelcome(welcome, 17), HasSubstr("may verify in none"));
  welcome.add_project_ids("acme");
  welcome.add_project_ids("web");
  EXPECT_EQ(DescribeWelcome(welcome, 17), "watching acme, web from revision 17");
}

}  // namespace
}  // namespace claviger::cli
