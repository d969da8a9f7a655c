#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

#include "client/cli/run.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/unit/cli/temp_dir.h"

namespace claviger::cli {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string ScriptFor(const std::string& shell) {
  std::ostringstream out;
  std::ostringstream err;
  FakeClock clock;
  FakeRandom random;
  Console console{.out = out, .err = err};
  const auto no_environment = [](const char*) { return std::nullopt; };
  EXPECT_EQ(Run({"completion", shell}, console, no_environment, clock, random), ExitCode::kOk);
  return out.str();
}

std::vector<std::string> OutputLines(const std::string& command) {
  std::vector<std::string> lines;
  FILE* pipe = popen(command.c_str(), "r");
  std::array<char, 4096> line{};
  while (fgets(line.data(), line.size(), pipe) != nullptr) {
    lines.emplace_back(line.data());
    lines.back().pop_back();
  }
  EXPECT_EQ(pclose(pipe), 0) << command;
  return lines;
}

// What bash offers behind `words`, the last of which is being typed.
std::vector<std::string> BashOffers(const std::vector<std::string>& words) {
  const TempDir dir;
  const std::string script = dir.Write("completion.bash", ScriptFor("bash"));
  std::string line;
  for (const std::string& word : words) line += " '" + word + "'";
  return OutputLines(
      "bash -c '. " + script + "; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); " +
      "_claviger; [ ${#COMPREPLY[@]} = 0 ] || printf \"%s\\n\" \"${COMPREPLY[@]}\"' bash" + line);
}

TEST(BashCompletionTest, OffersCommandsOptionsAndChoices) {
  EXPECT_THAT(BashOffers({"claviger", ""}),
              ElementsAre("project", "key", "audit", "verify", "scan", "import", "usage", "backup",
                          "status", "watch", "bootstrap", "completion"));
  EXPECT_THAT(BashOffers({"claviger", "key", "re"}), ElementsAre("revoke"));
  EXPECT_THAT(BashOffers({"claviger", "key", "issue", "--"}),
              AllOf(Contains("--scope"), Contains("--server"), Not(Contains("--limit"))));
  EXPECT_THAT(BashOffers({"claviger", "key", "issue", "--env", ""}), ElementsAre("live", "test"));
  EXPECT_THAT(BashOffers({"claviger", "key", "revoke", "--reason", "own"}),
              ElementsAre("owner-left"));
  EXPECT_THAT(BashOffers({"claviger", "completion", ""}), ElementsAre("bash", "zsh", "fish"));
}

TEST(BashCompletionTest, ValueThatLooksLikeACommandIsNone) {
  EXPECT_THAT(BashOffers({"claviger", "--server", "key", "st"}), ElementsAre("status"));
  EXPECT_THAT(BashOffers({"claviger", "key", "issue", "--name", ""}), IsEmpty());
}

// Runs `<shell> -n` over its script where the shell is installed.
void ExpectParses(const std::string& shell) {
  const std::string script = ScriptFor(shell);
  for (const char* word : {"project", "owner-left", "--key-file", "--hide-revoked"}) {
    EXPECT_THAT(script, HasSubstr(std::string(word).substr(word[0] == '-' ? 2 : 0)));
  }
  if (std::system(("command -v " + shell + " >/dev/null").c_str()) != 0) {
    GTEST_SKIP() << shell << " is not installed: its script was not parsed";
  }
  const TempDir dir;
  EXPECT_THAT(OutputLines(shell + " -n " + dir.Write("script", script) + " 2>&1"), IsEmpty());
}

TEST(ZshCompletionTest, Parses) { ExpectParses("zsh"); }
TEST(FishCompletionTest, Parses) { ExpectParses("fish"); }

}  // namespace
}  // namespace claviger::cli
