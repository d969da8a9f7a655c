#include "client/cli/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "core/key_format.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/unit/cli/temp_dir.h"

namespace claviger::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Command lines that end before a server is asked.
class RunTest : public ::testing::Test {
 protected:
  ExitCode RunWith(const std::vector<std::string>& arguments) {
    out_.str("");
    err_.str("");
    Console console{.out = out_, .err = err_, .in_fd = in_fd_};
    return cli::Run(
        arguments, console, [](const char*) { return std::nullopt; }, clock_, random_);
  }

  std::string NewKey() {
    const KeyId id = *KeyId::Generate(random_);
    return std::string(GenerateKey("clv", Environment::kLive, id, random_)->ExposeSecret());
  }

  FakeClock clock_;
  FakeRandom random_;
  std::ostringstream out_;
  std::ostringstream err_;
  int in_fd_ = -1;
};

TEST_F(RunTest, HelpOfEveryCommandHasExamplesAndExitsWithZero) {
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{},
                                             {"project", "create"},
                                             {"project", "get"},
                                             {"project", "list"},
                                             {"project", "update"},
                                             {"project", "delete"},
                                             {"key", "issue"},
                                             {"key", "get"},
                                             {"key", "list"},
                                             {"key", "scopes"},
                                             {"key", "disable"},
                                             {"key", "enable"},
                                             {"key", "revoke"},
                                             {"project", "create"},
                                             {"verify"},
                                             {"status"},
                                             {"watch"},
                                             {"backup"},
                                             {"backup", "show"},
                                             {"completion"}}) {
    std::vector<std::string> arguments = command;
    arguments.push_back("--help");
    EXPECT_EQ(RunWith(arguments), ExitCode::kOk);
    EXPECT_THAT(out_.str(), HasSubstr("Examples:\n"));
    EXPECT_THAT(out_.str(), Not(HasSubstr("{false}")));
    EXPECT_EQ(err_.str(), "");
  }
}

TEST_F(RunTest, WrongArgumentsAreUsageOnStderr) {
  const struct {
    std::vector<std::string> arguments;
    const char* message;
  } cases[] = {
      {{}, "--help"},
      {{"key"}, "claviger key"},
      {{"frobnicate"}, "frobnicate"},
      {{"key", "issue"}, "--project"},
      {{"key", "issue", "-p", "acme"}, "--name"},
      {{"key", "issue", "-p", "a", "-n", "n", "--ttl", "soon"}, "--ttl"},
      {{"key", "issue", "-p", "a", "-n", "n", "--expires", "soon"}, "--expires"},
      {{"key", "issue", "-p", "a", "-n", "n", "--ttl", "1d", "--expires", "2030-01-01"},
       "excludes"},
      {{"key", "issue", "-p", "a", "-n", "n", "--label", "nope"}, "KEY=VALUE"},
      {{"key", "issue", "-p", "a", "-n", "n", "--label", "a=1", "--label", "a=2"}, "twice"},
      {{"key", "issue", "-p", "a", "-n", "n", "--metadata", "{"}, "JSON"},
      {{"key", "issue", "-p", "a", "-n", "n", "--metadata", "@/nonexistent"}, "/nonexistent"},
      {{"key", "issue", "-p", "a", "-n", "n", "--env", "prod"}, "--env"},
      {{"key", "list", "--limit", "0"}, "--limit"},
      {{"key", "list", "--limit", "5", "--all"}, "excludes"},
      {{"key", "list", "--state", "asleep"}, "--state"},
      {{"key", "list", "--created-after", "yesterday"}, "--created-after"},
      {{"key", "scopes", "x", "--add", "a", "--set", "b"}, "excludes"},
      {{"key", "revoke"}, "id"},
      {{"key", "revoke", "x", "--reason", "bored"}, "--reason"},
      {{"key", "revoke", "x", "y", "--if-revision", "3"}, "--if-revision"},
      {{"project", "update", "acme"}, "nothing to change"},
      {{"project", "create", "acme", "--max-ttl", "0d"}, "--max-ttl"},
      {{"status", "--server", "nowhere"}, "--server"},
      {{"status", "--server", "10.0.0.1:7420", "--plaintext"}, "refused for 10.0.0.1:7420"},
      {{"status", "--timeout", "0s"}, "--timeout"},
      {{"status", "-o", "yaml"}, "--output"},
      {{"status", "--key-file", "/nonexistent"}, "/nonexistent"},
      {{"completion", "tcsh"}, "tcsh"},
      {{"backup"}, "FILE"},
      {{"backup", "show"}, "file"},
      {{"backup", "show", "/nonexistent"}, "/nonexistent"},
      {{"backup", "show", "a", "b"}, "one at a time"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(RunWith(c.arguments), ExitCode::kUsage) << c.message;
    EXPECT_THAT(err_.str(), HasSubstr(c.message));
    EXPECT_EQ(out_.str(), "");
  }
}

TEST_F(RunTest, KeyInArgumentsIsRefusedAndNotRepeated) {
  const std::string key = NewKey();
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"verify", key}, {"verify", "--from=" + key}, {"key", "revoke", key}}) {
    EXPECT_EQ(RunWith(arguments), ExitCode::kUsage);
    EXPECT_THAT(err_.str(), HasSubstr("does not belong in arguments"));
    EXPECT_THAT(err_.str(), Not(HasSubstr(key)));
  }
}

// It may be one that was imported.
TEST_F(RunTest, ATextThatIsNoKeyOfOursIsAskedAbout) {
  const TempDir dir;
  const std::string path = dir.Write("old.key", "sk_live_old");
  EXPECT_EQ(RunWith({"verify", "--from", path, "--server", "unix:" + dir.Path("nobody"),
                     "--timeout", "200ms"}),
            ExitCode::kUnreachable);
  EXPECT_EQ(out_.str(), "");
}

TEST_F(RunTest, ScanFindsOfflineAndRevokesOnlyWhereSomebodySaysYes) {
  const TempDir dir;
  const std::string key = NewKey();
  const std::string path = dir.Write("log.txt", "x\n " + key + "\n");
  EXPECT_EQ(RunWith({"scan", "--offline", path}), ExitCode::kFound);
  EXPECT_THAT(out_.str(), HasSubstr(path + ":2:2: " + key.substr(0, 8) + "…"));
  EXPECT_THAT(out_.str() + err_.str(), Not(HasSubstr(key)));
  EXPECT_EQ(RunWith({"scan", "--offline", dir.Write("clean.txt", "nothing")}), ExitCode::kOk);
  EXPECT_EQ(RunWith({"scan", "--revoke", path}), ExitCode::kUsage);
  EXPECT_THAT(err_.str(), HasSubstr("--yes"));
  EXPECT_EQ(RunWith({"scan", "--revoke", "--offline", path}), ExitCode::kUsage);
}

TEST_F(RunTest, StandardInputCannotBeTwoKeys) {
  EXPECT_EQ(RunWith({"verify", "--key-file", "-"}), ExitCode::kUsage);
  EXPECT_THAT(err_.str(), HasSubstr("--from"));
}

TEST_F(RunTest, KeyOutNeverOverwritesAFile) {
  const TempDir dir;
  const std::string path = dir.Write("mine.key", "precious");
  EXPECT_EQ(RunWith({"key", "issue", "-p", "a", "-n", "n", "--key-out", path}), ExitCode::kUsage);
  EXPECT_THAT(err_.str(), HasSubstr("exists already"));
  std::ifstream file(path);
  std::string content;
  file >> content;
  EXPECT_EQ(content, "precious");
}

TEST_F(RunTest, VersionIsPrinted) {
  EXPECT_EQ(RunWith({"--version"}), ExitCode::kOk);
  EXPECT_THAT(out_.str(), HasSubstr("claviger "));
}

TEST_F(RunTest, OutputThatCannotBeWrittenIsAnError) {
  std::ofstream full("/dev/full");
  Console console{.out = full, .err = err_};
  EXPECT_EQ(cli::Run(
                {"completion", "bash"}, console, [](const char*) { return std::nullopt; }, clock_,
                random_),
            ExitCode::kDenied);
  EXPECT_THAT(err_.str(), HasSubstr("cannot write"));
}

}  // namespace
}  // namespace claviger::cli
