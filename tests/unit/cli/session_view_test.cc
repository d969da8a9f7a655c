#include "client/cli/session_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "client/cli/time_text.h"

namespace claviger::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::SizeIs;

constexpr uint64_t kHead = 1000;

struct Session {
  std::string client;
  bool connected = true;
  bool observer = false;
  uint64_t position = kHead;
  absl::Duration lease_left = absl::ZeroDuration();
};

v1::ListSessionsResponse Sessions(const std::vector<Session>& sessions) {
  v1::ListSessionsResponse response;
  response.set_head_revision(kHead);
  for (const Session& session : sessions) {
    v1::VerifierSession& to = *response.add_sessions();
    to.set_session_id(std::string(32, 'a'));
    to.set_client(session.client);
    to.set_caller("key:00Yx3bTnQ5vLr8Wz");
    to.set_peer("2001:db8::1234:5678:9abc:def0");
    to.set_connected(session.connected);
    to.set_observer(session.observer);
    to.set_position(session.position);
    if (session.lease_left > absl::ZeroDuration()) {
      *to.mutable_lease_left() = ToProto(session.lease_left);
    }
  }
  return response;
}

const std::vector<Session> kOneOfEach = {
    {.client = "watch", .observer = true},
    {.client = "fine", .lease_left = absl::Milliseconds(2400)},
    {.client = "new"},
    {.client = "slow", .position = 990, .lease_left = absl::Seconds(1)},
    {.client = "cut off", .connected = false, .position = 995, .lease_left = absl::Seconds(2)},
};

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(SessionViewTest, StatesComeInTheOrderInWhichARevokeWaits) {
  const std::vector<std::string> lines =
      Lines(SessionTable(Sessions(kOneOfEach), 20).Render(120, false));
  EXPECT_THAT(lines,
              ElementsAre(HasSubstr("LEASE LEFT"), HasSubstr("gone"), HasSubstr("behind"),
                          HasSubstr("no lease"), HasSubstr("following"), HasSubstr("observer")));
}

TEST(SessionViewTest, ALineHasWhoWhereLagAndLease) {
  const std::vector<std::string> lines =
      Lines(SessionTable(Sessions({kOneOfEach[3]}), 20).Render(120, false));
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_THAT(lines[1], ::testing::MatchesRegex(
                            "slow +key:00Yx3bTnQ5vLr8Wz +2001:db8::1234:5678:9abc:def0 +990 +10 "
                            "+1 s +behind"));
}

TEST(SessionViewTest, TheTableFits) {
  for (const size_t width : {60, 80, 120}) {
    for (const std::string& line :
         Lines(SessionTable(Sessions(kOneOfEach), 20).Render(width, false))) {
      EXPECT_THAT(line.size(), Le(width + 8)) << line;  // an ellipsis is 3 bytes wide
    }
  }
  const std::string narrow = SessionTable(Sessions(kOneOfEach), 20).Render(80, false);
  for (const char* column : {"CLIENT", "ADDRESS", "LAG", "LEASE LEFT", "STATE"}) {
    EXPECT_THAT(narrow, HasSubstr(column));
  }
}

TEST(SessionViewTest, TheTableHasAtMostSoManyAndThoseThatMatter) {
  const std::vector<std::string> lines =
      Lines(SessionTable(Sessions(kOneOfEach), 2).Render(120, false));
  EXPECT_THAT(lines, ElementsAre(HasSubstr("CLIENT"), HasSubstr("gone"), HasSubstr("behind")));
}

TEST(SessionViewTest, SummaryCountsByState) {
  EXPECT_EQ(SessionSummary(Sessions({})), "none");
  EXPECT_EQ(SessionSummary(Sessions(kOneOfEach)),
            "5 (1 gone, 1 behind, 1 no lease, 1 following, 1 observer)");
}

TEST(SessionViewTest, JsonHasAllFieldsAndWhatFollowsFromThem) {
  const auto values = SessionValues(Sessions({kOneOfEach[3]}));
  ASSERT_TRUE(values.ok()) << values.status();
  ASSERT_EQ(values->values_size(), 1);
  const auto& fields = values->values(0).struct_value().fields();
  EXPECT_EQ(fields.at("client").string_value(), "slow");
  EXPECT_EQ(fields.at("position").string_value(), "990");
  EXPECT_EQ(fields.at("lag").string_value(), "10");
  EXPECT_EQ(fields.at("leaseLeft").string_value(), "1s");
  EXPECT_EQ(fields.at("state").string_value(), "behind");
  EXPECT_TRUE(fields.at("connected").bool_value());
  EXPECT_FALSE(fields.at("observer").bool_value());
}

}  // namespace
}  // namespace claviger::cli
