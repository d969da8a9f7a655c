#include "client/cli/display_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace claviger::cli {
namespace {

using ::testing::ElementsAre;

TEST(EscapeForTerminalTest, WritesOutWhatATerminalWouldObey) {
  const struct {
    std::string_view text;
    const char* want;
  } cases[] = {{"plain, ümläut, 鍵", "plain, ümläut, 鍵"},
               {"\x1b[2Jgone", "\\x1b[2Jgone"},
               {"a\nb\tc", "a\\x0ab\\x09c"},
               {std::string_view("nul\0!", 5), "nul\\x00!"},
               {"\xc2\x9b"
                "31m",
                "\\x9b31m"},
               {"\xe2\x80\xaegnp.exe", "\\u{202e}gnp.exe"},
               {"bad \xff\xc3", "bad \\xff\\xc3"},
               {"over \xc0\xaf", "over \\xc0\\xaf"},
               {"del\x7f", "del\\x7f"}};
  for (const auto& c : cases) EXPECT_EQ(EscapeForTerminal(c.text), c.want);
}

TEST(DisplayWidthTest, CountsColumnsNotBytes) {
  EXPECT_EQ(DisplayWidth(""), 0U);
  EXPECT_EQ(DisplayWidth("abc"), 3U);
  EXPECT_EQ(DisplayWidth("über"), 4U);
  EXPECT_EQ(DisplayWidth("鍵"), 2U);
  EXPECT_EQ(DisplayWidth("🔑"), 2U);
  EXPECT_EQ(DisplayWidth("e\xcc\x81"), 1U);  // e and a combining acute accent
}

TEST(TruncateTest, NeverExceedsTheWidthOrCutsACharacter) {
  for (const std::string_view text :
       {"billing export", "Schlüssel für Bücher", "鍵の保管者", "🔑🔑🔑"}) {
    for (size_t width = 0; width <= 24; ++width) {
      const std::string cut = Truncate(text, width);
      EXPECT_LE(DisplayWidth(cut), width) << text << " at " << width;
      EXPECT_EQ(EscapeForTerminal(cut), cut) << "still UTF-8";
    }
  }
}

TEST(TruncateTest, MarksWhatWasCutAndLeavesWhatFits) {
  EXPECT_EQ(Truncate("billing", 7), "billing");
  EXPECT_EQ(Truncate("billing", 6), "billi…");
  EXPECT_EQ(Truncate("鍵の保管者", 6), "鍵の…");
}

TEST(WrapTest, BreaksAtSpacesAndCutsLongWords) {
  EXPECT_THAT(Wrap("a:read, b:read, c:read", 15), ElementsAre("a:read, b:read,", "c:read"));
  EXPECT_THAT(Wrap("abcdefgh", 3), ElementsAre("abc", "def", "gh"));
  EXPECT_THAT(Wrap("", 3), ElementsAre(""));
  EXPECT_THAT(Wrap("鍵鍵", 1), ElementsAre("鍵", "鍵"));
}

}  // namespace
}  // namespace claviger::cli
