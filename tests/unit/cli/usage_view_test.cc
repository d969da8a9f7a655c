#include "client/cli/usage_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "client/cli/display_text.h"
#include "client/cli/time_text.h"

namespace claviger::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::Not;
using ::testing::SizeIs;

const absl::Time kStart = absl::FromUnixSeconds(1893456000);  // 2030-01-01T00:00:00Z

class UsageViewTest : public ::testing::Test {
 protected:
  UsageViewTest() {
    request_.set_interval(v1::USAGE_INTERVAL_HOUR);
    *request_.mutable_start_time() = ToProto(kStart);
    *request_.mutable_end_time() = ToProto(kStart + absl::Hours(3));
  }
  void Add(absl::Duration since_start, int64_t good, int64_t revoked) {
    v1::UsageBucket& bucket = *usage_.add_buckets();
    *bucket.mutable_start_time() = ToProto(kStart + since_start);
    const auto add = [&bucket](v1::VerifyCode code, int64_t count) {
      if (count == 0) return;
      bucket.add_counts()->set_code(code);
      bucket.mutable_counts(bucket.counts_size() - 1)->set_count(count);
    };
    add(v1::VERIFY_CODE_VALID, good);
    add(v1::VERIFY_CODE_REVOKED, revoked);
  }
  std::vector<std::string> Lines(size_t width) {
    std::vector<std::string> lines = absl::StrSplit(UsageChart(request_, usage_, width), '\n');
    lines.pop_back();
    return lines;
  }

  v1::GetUsageRequest request_;
  v1::GetUsageResponse usage_;
};

TEST_F(UsageViewTest, ALineForEachHourWithABar) {
  Add(absl::Hours(1), 1200, 0);
  Add(absl::Hours(3), 300, 300);
  // 16 + 5 + 6 columns of text, three gaps, and 8 of bar.
  EXPECT_THAT(Lines(41), ElementsAre("TIME (UTC)         GOOD  DENIED",            //
                                     "2030-01-01 00:00      0       0",            //
                                     "2030-01-01 01:00  1,200       0  ████████",  //
                                     "2030-01-01 02:00      0       0",            //
                                     "2030-01-01 03:00    300     300  ██░░"));
}

TEST_F(UsageViewTest, TheLeastCountHasAMark) {
  Add(absl::ZeroDuration(), 1'000'000, 1);
  EXPECT_THAT(Lines(60)[1], HasSubstr("█░"));
}

TEST_F(UsageViewTest, NoLineIsWiderThanTheTerminal) {
  Add(absl::Hours(1), 123'456'789, 5);
  for (const size_t width : {40u, 52u, 80u, 200u}) {
    for (const std::string& line : Lines(width)) EXPECT_THAT(DisplayWidth(line), Le(width));
  }
  EXPECT_THAT(Lines(40)[2], Not(HasSubstr("█"))) << "a bar without room";
}

TEST_F(UsageViewTest, DaysAreNamedByTheirDate) {
  request_.set_interval(v1::USAGE_INTERVAL_DAY);
  *request_.mutable_end_time() = ToProto(kStart + absl::Hours(30));
  Add(absl::Hours(24), 5, 0);
  const std::vector<std::string> lines = Lines(80);
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_THAT(lines[1], HasSubstr("2030-01-01     0"));
  EXPECT_THAT(lines[2], HasSubstr("2030-01-02     5"));
}

TEST_F(UsageViewTest, ManyEmptyHoursAreLeftOut) {
  *request_.mutable_end_time() = ToProto(kStart + absl::Hours(500));
  Add(absl::Hours(1), 5, 0);
  EXPECT_THAT(Lines(80), SizeIs(2));
}

TEST_F(UsageViewTest, SumsTellOutcomesRateAndLastUse) {
  usage_.add_totals()->set_code(v1::VERIFY_CODE_VALID);
  usage_.mutable_totals(0)->set_count(9997);
  usage_.add_totals()->set_code(v1::VERIFY_CODE_REVOKED);
  usage_.mutable_totals(1)->set_count(3);
  usage_.set_error_rate(0.0003);
  *usage_.mutable_last_used_time() = ToProto(kStart);
  usage_.set_last_used_address("192.0.2.1");
  usage_.set_last_used_by("key:00Yx3bTnQ5vLr8Wz");
  const std::string text = UsageFields(usage_, kStart + absl::Hours(2)).Render(100, false);
  EXPECT_THAT(text, HasSubstr("good        9,997\n"));
  EXPECT_THAT(text, HasSubstr("denied      3 (REVOKED 3)\n"));
  EXPECT_THAT(text, HasSubstr("error rate  0.03 %\n"));
  EXPECT_THAT(text, HasSubstr("last used   2030-01-01T00:00:00Z (2 h ago)\n"));
  EXPECT_THAT(text, HasSubstr("from        192.0.2.1\n"));
  EXPECT_THAT(text, HasSubstr("by          key:00Yx3bTnQ5vLr8Wz\n"));
}

}  // namespace
}  // namespace claviger::cli
