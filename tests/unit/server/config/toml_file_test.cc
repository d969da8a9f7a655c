#include "server/config/toml_file.h"

#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace claviger {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<std::vector<TomlSetting>> Read(const std::string& text) {
  std::istringstream input(text);
  return ReadToml(input);
}

TEST(TomlFileTest, ReadsStringsNumbersAndBooleans) {
  const auto settings = Read(
      "# a comment\n"
      "\n"
      "listen = \"127.0.0.1:1\"   # behind a value\n"
      "data='C:\\x # y'\n"
      "  insecure = true\r\n"
      "count = 12# at once\n"
      "name = \"a \\\"b\\\" \\\\ \\n\\t\"");
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_THAT(
      *settings,
      ElementsAre(TomlSetting{"listen", "127.0.0.1:1", 3}, TomlSetting{"data", "C:\\x # y", 4},
                  TomlSetting{"insecure", "true", 5}, TomlSetting{"count", "12", 6},
                  TomlSetting{"name", "a \"b\" \\ \n\t", 7}));
}

TEST(TomlFileTest, RefusesWhatIsNoSettingAndNamesTheLine) {
  const struct {
    const char* line;
    const char* problem;
  } kCases[] = {
      {"listen", "name = value"},
      {"= 1", "the name must be"},
      {"Listen = 1", "the name must be"},
      {"a.b = 1", "the name must be"},
      {"listen =", "has no value"},
      {"listen = 127.0.0.1:1", "must be a string in quotes"},
      {"listen = \"open", "must be a string in quotes"},
      {"listen = \"bad \\q\"", "must be a string in quotes"},
      {"listen = [\"a\"]", "must be a string in quotes"},
      {"listen = \"a\" \"b\"", "more than one value"},
      {"listen = 1 2", "more than one value"},
      {"[table]", "without tables"},
      {"good = 2", "set twice"},
      {"listen = \"\xFF\"", "not UTF-8"},
  };
  for (const auto& [line, problem] : kCases) {
    const auto settings = Read(std::string("good = 1\n") + line + "\n");
    ASSERT_FALSE(settings.ok()) << line;
    EXPECT_THAT(std::string(settings.status().message()), HasSubstr("line 2: ")) << line;
    EXPECT_THAT(std::string(settings.status().message()), HasSubstr(problem)) << line;
  }
}

TEST(TomlFileTest, RefusesAFileThatIsTooLong) {
  std::string text;
  for (int i = 0; text.size() <= (1 << 20); ++i) text += "# filler\n";
  EXPECT_THAT(std::string(Read(text).status().message()), HasSubstr("over 1 MiB"));
}

TEST(TomlFileTest, WrittenStringsAreReadBack) {
  for (const std::string text : {"", "plain", "a \"b\" \\ c", "line\nline\ttab\r", "caf\u00e9 #"}) {
    const auto settings = Read("name = " + TomlString(text));
    ASSERT_TRUE(settings.ok()) << settings.status();
    EXPECT_EQ(settings->front().value, text);
  }
}

}  // namespace
}  // namespace claviger
