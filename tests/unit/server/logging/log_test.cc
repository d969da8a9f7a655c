#include "server/logging/log.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/stubs/logging.h"
#include "grpc/support/log.h"
#include "gtest/gtest.h"
#include "server/logging/library_hooks.h"
#include "server/logging/line_limiter.h"
#include "tests/support/fake_clock.h"

namespace claviger::log {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::SizeIs;

class LogTest : public ::testing::Test {
 protected:
  ~LogTest() override { Init({}); }

  void Capture(Format format, Level level = Level::kInfo) {
    InitWithSink({.level = level, .format = format},
                 [this](std::string_view line) { lines_.emplace_back(line); });
  }

  std::vector<std::string> lines_;
};

TEST_F(LogTest, TextLinesCarryTimeLevelMessageAndFields) {
  Capture(Format::kText);
  Info("key revoked",
       {{"key_id", "00Yx"}, {"sessions", 3}, {"strict", true}, {"took", absl::Milliseconds(1500)}});
  EXPECT_THAT(lines_, ElementsAre(MatchesRegex(
                          "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z info key revoked "
                          "key_id=00Yx sessions=3 strict=true took=1.5")));
}

TEST_F(LogTest, JsonLinesAreObjects) {
  Capture(Format::kJson);
  Warning("slow", {{"name", std::string("a\"b\\c")}, {"count", 7u}, {"ratio", 0.5}, {"on", false}});
  EXPECT_THAT(lines_, ElementsAre(MatchesRegex(
                          R"(\{"time":"[^"]+Z","level":"warning","message":"slow",)"
                          R"("name":"a\\"b\\\\c","count":7,"ratio":0.5,"on":false\})")));
}

TEST_F(LogTest, ValuesCannotForgeALineOrAField) {
  const std::string hostile = "x\nERROR forged=1\r\x1b[31m\x7f\u2028\u0085 \xff end";
  Capture(Format::kText);
  Info("m", {{"v", hostile}});
  EXPECT_THAT(lines_[0],
              EndsWith("m v=\"x\\nERROR forged=1\\r\\x1b[31m\\x7f\\u2028\\u0085 \\xff end\""));
  Capture(Format::kJson);
  Info("m", {{"v", hostile}});
  EXPECT_THAT(lines_[1], EndsWith("\"v\":\"x\\nERROR forged=1\\r\\u001b[31m\\u007f\\u2028\\u0085 "
                                  "\\ufffd end\"}"));
}

TEST_F(LogTest, MessagesCannotForgeALine) {
  Capture(Format::kText);
  Info("a\nb");
  EXPECT_THAT(lines_, ElementsAre(EndsWith("info \"a\\nb\"")));
}

TEST_F(LogTest, TextValuesAreQuotedWhereTheyCouldBeMisread) {
  Capture(Format::kText);
  Info("m",
       {{"a", ""}, {"b", "two words"}, {"c", "k=v"}, {"d", "plain-1.2/3"}, {"e", "caf\u00e9"}});
  EXPECT_THAT(
      lines_,
      ElementsAre(EndsWith("m a=\"\" b=\"two words\" c=\"k=v\" d=plain-1.2/3 e=\"caf\u00e9\"")));
}

TEST_F(LogTest, KeysAreRedactedInOurOwnLines) {
  constexpr char kKey[] = "clv_live_0123456789abcdef_0123456789abcdef";
  for (const Format format : {Format::kText, Format::kJson}) {
    Capture(format);
    Info(kKey, {{"key", kKey}});
    EXPECT_THAT(lines_.back(), Not(HasSubstr("0123456789abcdef")));
    EXPECT_THAT(lines_.back(), HasSubstr(std::string("[redacted]")));
  }
}

TEST_F(LogTest, TheLevelChangesWhileRunning) {
  Capture(Format::kText, Level::kWarning);
  Info("left out");
  EXPECT_THAT(lines_, IsEmpty());
  SetLevel(Level::kDebug);
  EXPECT_EQ(CurrentLevel(), Level::kDebug);
  Debug("written");
  EXPECT_THAT(lines_, SizeIs(1));
}

TEST_F(LogTest, NamesOfLevelsAndFormatsAreTakenBack) {
  for (const Level level : {Level::kDebug, Level::kInfo, Level::kWarning, Level::kError}) {
    EXPECT_EQ(ParseLevel(LevelName(level)), level);
  }
  for (const Format format : {Format::kText, Format::kJson}) {
    EXPECT_EQ(ParseFormat(FormatName(format)), format);
  }
  EXPECT_EQ(ParseLevel("loud"), std::nullopt);
  EXPECT_EQ(ParseFormat(""), std::nullopt);
}

TEST_F(LogTest, LibrariesWriteIntoOurLogWithoutSecrets) {
  static FakeClock& clock = *new FakeClock();
  Capture(Format::kText);
  InstallLibraryHooks(clock);
  gpr_log("/some/where/parser.cc", 12, GPR_LOG_SEVERITY_ERROR, "illegal header value=%s",
          "hunter2");
  gpr_log("parser.cc", 13, GPR_LOG_SEVERITY_INFO, "chatter");
  GOOGLE_LOG(ERROR) << "field holds hunter2";
  ASSERT_THAT(lines_, SizeIs(2));
  EXPECT_THAT(lines_[0], HasSubstr("warning gRPC reports a problem"));
  EXPECT_THAT(lines_[0], HasSubstr("source=parser.cc line=12"));
  EXPECT_THAT(lines_[1], HasSubstr("protobuf reports a problem"));
  for (const std::string& line : lines_) EXPECT_THAT(line, Not(HasSubstr("hunter2")));

  // A flood is cut, and counted in the first line of the next second.
  clock.Advance(absl::Seconds(1));
  lines_.clear();
  for (int i = 0; i < 100; ++i) gpr_log("f.cc", 1, GPR_LOG_SEVERITY_ERROR, "flood");
  EXPECT_THAT(lines_, SizeIs(20));
  clock.Advance(absl::Seconds(1));
  gpr_log("f.cc", 1, GPR_LOG_SEVERITY_ERROR, "after");
  EXPECT_THAT(lines_.back(), HasSubstr("left_out=80"));
}

TEST(LineLimiterTest, LetsTheSameNumberPassInEachSecond) {
  LineLimiter limiter(2);
  EXPECT_EQ(limiter.Admit(absl::Seconds(10)), 0u);
  EXPECT_EQ(limiter.Admit(absl::Seconds(10)), 0u);
  EXPECT_EQ(limiter.Admit(absl::Seconds(10.5)), std::nullopt);
  EXPECT_EQ(limiter.Admit(absl::Seconds(10.9)), std::nullopt);
  EXPECT_EQ(limiter.Admit(absl::Seconds(11)), 2u);
  EXPECT_EQ(limiter.Admit(absl::Seconds(11)), 0u);
}

}  // namespace
}  // namespace claviger::log
