#include "core/text.h"

#include <string>

#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace claviger {
namespace {

using ::testing::HasSubstr;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

TEST(IsValidUtf8Test, AcceptsTheEdgesOfEachLength) {
  for (const std::string_view text :
       {std::string_view(""), std::string_view("\0", 1), std::string_view("\x7F"),
        std::string_view("\xC2\x80"), std::string_view("\xDF\xBF"),
        std::string_view("\xE0\xA0\x80"), std::string_view("\xED\x9F\xBF"),
        std::string_view("\xEE\x80\x80"), std::string_view("\xEF\xBF\xBF"),
        std::string_view("\xF0\x90\x80\x80"), std::string_view("\xF4\x8F\xBF\xBF"),
        std::string_view("mixed \xC3\xA9 \xF0\x9F\x94\x91")}) {
    EXPECT_TRUE(IsValidUtf8(text)) << ::testing::PrintToString(text);
  }
}

TEST(IsValidUtf8Test, RejectsWhatRfc3629Forbids) {
  struct Case {
    const char* why;
    std::string_view bytes;
  };
  for (const Case& c : {
           Case{"continuation alone", "\x80"},
           Case{"overlong NUL in two bytes", "\xC0\x80"},
           Case{"overlong slash", "\xC0\xAF"},
           Case{"overlong DEL in two bytes", "\xC1\xBF"},
           Case{"overlong in three bytes", "\xE0\x9F\xBF"},
           Case{"overlong in four bytes", "\xF0\x8F\xBF\xBF"},
           Case{"first surrogate", "\xED\xA0\x80"},
           Case{"last surrogate", "\xED\xBF\xBF"},
           Case{"above U+10FFFF", "\xF4\x90\x80\x80"},
           Case{"lead byte F5", "\xF5\x80\x80\x80"},
           Case{"byte FE", "\xFE"},
           Case{"byte FF", "\xFF"},
           Case{"two bytes cut", "\xC3"},
           Case{"three bytes cut", "\xE2\x82"},
           Case{"four bytes cut", "\xF0\x9F\x94"},
           Case{"lead followed by ASCII", "\xC3("},
           Case{"bad byte at the end", "fine until here \xBF"},
       }) {
    EXPECT_FALSE(IsValidUtf8(c.bytes)) << c.why;
  }
}

TEST(CheckTextTest, CountsCodePointsNotBytes) {
  const std::string four_keys = "\U0001F511\U0001F511\U0001F511\U0001F511";
  EXPECT_TRUE(CheckText("name", four_keys, 4).ok());
  const absl::Status status = CheckText("name", four_keys, 3);
  EXPECT_EQ(DetailsOf(status).reason, Reason::kFieldInvalid);
  EXPECT_THAT(Message(status), HasSubstr("name: must have at most 3 characters"));
}

TEST(CheckTextTest, AcceptsTheBoundAndNothingMore) {
  EXPECT_TRUE(CheckText("name", std::string(128, 'x'), kMaxNameCharacters).ok());
  EXPECT_FALSE(CheckText("name", std::string(129, 'x'), kMaxNameCharacters).ok());
  EXPECT_TRUE(CheckText("name", "", kMaxNameCharacters).ok());
}

TEST(CheckTextTest, RejectsControlCharactersAndOverrides) {
  for (const char32_t c : {U'\0', U'\t', U'\n', U'\x1B', U'\x1F', U'\x7F', U'\x80', U'\x9F',
                           U'\u202A', U'\u202E', U'\u2066', U'\u2069'}) {
    std::string text = "a";
    if (c < 0x80) {
      text += static_cast<char>(c);
    } else if (c < 0x800) {
      text += {static_cast<char>(0xC0 | (c >> 6)), static_cast<char>(0x80 | (c & 0x3F))};
    } else {
      text += {static_cast<char>(0xE0 | (c >> 12)), static_cast<char>(0x80 | ((c >> 6) & 0x3F)),
               static_cast<char>(0x80 | (c & 0x3F))};
    }
    const absl::Status status = CheckText("name", text, 10);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << static_cast<uint32_t>(c);
    EXPECT_THAT(Message(status), HasSubstr("control characters"));
  }
}

TEST(CheckTextTest, AcceptsTheNeighboursOfWhatIsRejected) {
  for (const char* text : {" ", "~", "\u00A0", "\u2029", "\u202F", "\u2065", "\u206A"}) {
    EXPECT_TRUE(CheckText("name", text, 1).ok()) << ::testing::PrintToString(text);
  }
}

TEST(CheckTextTest, BadUtf8IsNamedAndNotRepeated) {
  const absl::Status status = CheckText("description", "secret\xFF", 100);
  EXPECT_EQ(Message(status), "description: must be well-formed UTF-8");
}

TEST(CheckNameTest, BlanksAloneAreNoName) {
  for (const char* text : {" ", "   ", "\u00A0", "\u1680", "\u2000\u200A", "\u200B", "\u200D",
                           "\u2028", "\u202F", "\u205F", "\u2060", "\u3000 ", "\uFEFF"}) {
    const absl::Status status = CheckName("display_name", text, 128);
    EXPECT_EQ(Message(status), "display_name: must not be only blanks")
        << ::testing::PrintToString(text);
    EXPECT_FALSE(CheckRequiredName("display_name", text, 128).ok());
    EXPECT_TRUE(CheckName("display_name", std::string(text) + "x", 128).ok());
  }
  EXPECT_TRUE(CheckName("display_name", "", 128).ok());
  EXPECT_FALSE(CheckName("display_name", "\n", 128).ok());
  EXPECT_FALSE(CheckName("display_name", std::string(129, 'x'), 128).ok());
}

TEST(CheckRequiredNameTest, EmptyIsRequired) {
  const absl::Status status = CheckRequiredName("display_name", "", 128);
  EXPECT_EQ(DetailsOf(status).reason, Reason::kFieldRequired);
  EXPECT_TRUE(CheckRequiredName("display_name", "x", 128).ok());
  EXPECT_EQ(DetailsOf(CheckRequiredName("display_name", "\n", 128)).reason, Reason::kFieldInvalid);
}

TEST(CheckLabelTest, KeysFollowTheirSyntax) {
  for (const std::string& key : {std::string("a"), std::string("team"), std::string("a-b_c.d9"),
                                 "a" + std::string(62, 'z')}) {
    EXPECT_TRUE(CheckLabel("labels", key, "value").ok()) << key;
  }
  for (const std::string& key :
       {std::string(), std::string("A"), std::string("9a"), std::string("_a"), std::string("a b"),
        std::string("a/b"), std::string("\u00E9"), std::string("a\0", 2),
        "a" + std::string(63, 'z')}) {
    EXPECT_EQ(DetailsOf(CheckLabel("labels", key, "value")).reason, Reason::kFieldInvalid) << key;
  }
}

TEST(CheckLabelTest, ValuesAreTextOf128Characters) {
  EXPECT_TRUE(CheckLabel("labels", "team", "").ok());
  EXPECT_TRUE(CheckLabel("labels", "team", std::string(128, 'x')).ok());
  EXPECT_FALSE(CheckLabel("labels", "team", std::string(129, 'x')).ok());
  EXPECT_FALSE(CheckLabel("labels", "team", "two\nlines").ok());
}

}  // namespace
}  // namespace claviger
