#include "server/config/command_line.h"

#include <cstdlib>
#include <string>
#include <vector>

#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/config/settings.h"
#include "tests/support/temp_dir.h"

namespace claviger {
namespace {

using ::testing::HasSubstr;

// Sets a variable for as long as it lives.
class ScopedVariable {
 public:
  ScopedVariable(std::string name, const std::string& value) : name_(std::move(name)) {
    setenv(name_.c_str(), value.c_str(), 1);
  }
  ~ScopedVariable() { unsetenv(name_.c_str()); }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  const std::string name_;
};

absl::StatusOr<CommandLine> Parse(std::vector<std::string> arguments) {
  std::vector<const char*> argv = {"clavigerd"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  return ParseCommandLine(static_cast<int>(argv.size()), argv.data(), "1.2.3");
}

// The message of the error; fails the test when there is none.
std::string ErrorOf(std::vector<std::string> arguments) {
  const auto command = Parse(std::move(arguments));
  EXPECT_FALSE(command.ok());
  EXPECT_TRUE(absl::IsInvalidArgument(command.status())) << command.status();
  EXPECT_EQ(DetailsOf(command.status()).reason, Reason::kConfigInvalid);
  return std::string(command.status().message());
}

// What a production start needs at least.
std::vector<std::string> Production(std::vector<std::string> more = {}) {
  std::vector<std::string> arguments = {"--tls-cert",      "cert.pem", "--tls-key",     "key.pem",
                                        "--tls-client-ca", "ca.pem",   "--pepper-file", "pepper"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST(CommandLineTest, DevImpliesPlaintextOnLoopbackAndItsOwnFiles) {
  const auto command = Parse({"--dev"});
  ASSERT_TRUE(command.ok()) << command.status();
  const ServerConfig& config = command->config;
  EXPECT_EQ(command->mode, RunMode::kServe);
  EXPECT_TRUE(config.dev);
  EXPECT_FALSE(config.tls_enabled());
  EXPECT_TRUE(config.reflection_enabled());
  EXPECT_EQ(config.listen.grpc.ToString(), "127.0.0.1:7420");
  EXPECT_EQ(config.listen.http->ToString(), "127.0.0.1:7421");
  EXPECT_EQ(config.store.data_dir, "./data");
  EXPECT_EQ(config.callers.pepper_file, "./data/pepper");
}

TEST(CommandLineTest, DevKeepsThePepperFileInTheGivenDataDirectory) {
  EXPECT_EQ(Parse({"--dev", "--data", "/tmp/x"})->config.callers.pepper_file, "/tmp/x/pepper");
  EXPECT_EQ(Parse({"--dev", "--pepper-file", "/p"})->config.callers.pepper_file, "/p");
}

TEST(CommandLineTest, WithoutDevNothingIsImplied) {
  EXPECT_THAT(ErrorOf({}), HasSubstr("--tls-cert FILE and --tls-key FILE"));
  EXPECT_THAT(ErrorOf({"--tls-cert", "c", "--tls-key", "k"}), HasSubstr("--tls-client-ca FILE"));
  EXPECT_THAT(ErrorOf({"--tls-cert", "c", "--tls-key", "k", "--client-auth", "none"}),
              HasSubstr("--pepper-file FILE"));
  EXPECT_THAT(ErrorOf({"--insecure"}), HasSubstr("--pepper-file FILE"));
  const auto command = Parse(Production());
  ASSERT_TRUE(command.ok()) << command.status();
  EXPECT_TRUE(command->config.tls_enabled());
  EXPECT_EQ(command->config.store.data_dir, "/var/lib/claviger");
  EXPECT_EQ(command->config.tls.client_auth, ClientAuth::kRequire);
}

TEST(CommandLineTest, PlaintextIsRefusedWhereOthersCanReachIt) {
  for (const std::string mode : {"--dev", "--insecure"}) {
    for (const std::string address : {"0.0.0.0:7420", "[::]:7420", "192.0.2.1:7420"}) {
      EXPECT_THAT(ErrorOf({mode, "--pepper-file", "p", "--listen", address}),
                  HasSubstr("listen: '" + address + "' is not accepted"));
    }
    for (const std::string address : {"127.0.0.1:1", "localhost:1", "[::1]:1", "unix:/run/s"}) {
      EXPECT_TRUE(Parse({mode, "--pepper-file", "p", "--listen", address}).ok()) << address;
    }
  }
}

TEST(CommandLineTest, InsecureAndTlsExcludeEachOther) {
  EXPECT_THAT(ErrorOf(Production({"--insecure"})), HasSubstr("exclude each other"));
}

TEST(CommandLineTest, DevTakesTlsWhereItIsGiven) {
  const auto command = Parse(Production({"--dev", "--listen", "0.0.0.0:7420"}));
  ASSERT_TRUE(command.ok()) << command.status();
  EXPECT_TRUE(command->config.tls_enabled());
}

TEST(CommandLineTest, AutomaticReflectionIsForLoopbackOnly) {
  EXPECT_TRUE(Parse(Production())->config.reflection_enabled());
  EXPECT_FALSE(Parse(Production({"--listen", "0.0.0.0:1"}))->config.reflection_enabled());
  EXPECT_TRUE(Parse(Production({"--listen", "0.0.0.0:1", "--reflection", "on"}))
                  ->config.reflection_enabled());
  EXPECT_FALSE(Parse(Production({"--reflection=off"}))->config.reflection_enabled());
}

TEST(CommandLineTest, HttpCanBeTurnedOff) {
  EXPECT_FALSE(Parse({"--dev", "--http-listen", ""})->config.listen.http.has_value());
  EXPECT_FALSE(Parse({"--dev", "--http-listen", "off"})->config.listen.http.has_value());
  ScopedVariable off("CLAVIGER_HTTP_LISTEN", "off");
  EXPECT_FALSE(Parse({"--dev"})->config.listen.http.has_value());
}

TEST(CommandLineTest, AWrongValueIsRefusedWithWhatIsAccepted) {
  const struct {
    const char* setting;
    const char* value;
    const char* accepted;
  } kCases[] = {
      {"listen", "example.com:7420", "HOST:PORT or unix:PATH"},
      {"listen", "127.0.0.1:99999", "HOST:PORT or unix:PATH"},
      {"http-listen", "7421", "HOST:PORT"},
      {"http-listen", "unix:/run/http", "HOST:PORT"},
      {"http-listen", "127.0.0.1:7420", "another address"},
      {"client-auth", "maybe", "require, optional or none"},
      {"reflection", "yes", "auto, on or off"},
      {"memory", "256MB", "KiB, MiB or GiB"},
      {"memory", "1MiB", "from 64MiB to"},
      {"disk-reserve", "31MiB", "from 32MiB to 1024GiB"},
      {"log-level", "loud", "debug, info, warning or error"},
      {"log-format", "xml", "text or json"},
      {"drain-timeout", "10", "a duration"},
      {"drain-timeout", "11m", "at most 10m"},
      {"max-message-size", "1KiB", "from 65536 to"},
      {"max-streams-per-connection", "0", "from 1 to"},
      {"max-streams-per-connection", "-1", "a whole number"},
      {"handshake-timeout", "0s", "from 100ms to"},
      {"keepalive-interval", "25h", "from 1s to 24h"},
  };
  for (const auto& [setting, value, accepted] : kCases) {
    const std::string message = ErrorOf({"--dev=true", std::string("--") + setting + "=" + value});
    EXPECT_THAT(message, HasSubstr(std::string(setting) + ": ")) << value;
    EXPECT_THAT(message, HasSubstr(accepted)) << setting << " " << value;
  }
}

TEST(CommandLineTest, AnEmptyDataDirectoryIsNotTheDefault) {
  TempDir dir;
  const std::string file = dir.Write("config.toml", "data = \"\"\n");
  EXPECT_THAT(ErrorOf({"--dev", "--config", file}), HasSubstr("a path that is not empty"));
  EXPECT_THAT(ErrorOf({"--dev", "--data", ""}), HasSubstr("a path that is not empty"));
  EXPECT_THAT(ErrorOf({"--dev", "--data="}), HasSubstr("--data"));
}

TEST(CommandLineTest, ASettingGivenTwiceIsRefused) {
  EXPECT_FALSE(Parse({"--dev", "--data", "a", "--data", "b"}).ok());
}

TEST(CommandLineTest, UnknownFlagsAreRefused) {
  EXPECT_THAT(ErrorOf({"--dev", "--frobnicate"}), HasSubstr("--frobnicate"));
  EXPECT_THAT(ErrorOf({"--dev", "stray"}), HasSubstr("stray"));
}

TEST(CommandLineTest, EverySettingIsReadFromFileEnvironmentAndFlag) {
  TempDir dir;
  ServerConfig defaults;
  for (const Setting& setting : SettingsOf(defaults)) {
    // Its own default is a value that it takes; of a path, anything is.
    const bool is_path = setting.accepted.starts_with("a path");
    const std::string good = is_path ? "some/path" : setting.get();
    const std::string shown = setting.name + " = ";
    for (const std::string& value : {good, std::string("\x01")}) {
      const bool accepted = value == good || is_path;
      const std::string file = dir.Write("config.toml", shown + "\"" + value + "\"\n");
      EXPECT_EQ(Parse({"--print-config", "--config", file}).ok(), accepted) << setting.name;
      EXPECT_EQ(Parse({"--print-config", "--" + setting.name + "=" + value}).ok(), accepted)
          << setting.name;
      const ScopedVariable variable(EnvironmentName(setting.name), value);
      const auto printed = Parse({"--print-config"});
      EXPECT_EQ(printed.ok(), accepted) << setting.name;
      if (is_path) {
        EXPECT_THAT(printed->text, HasSubstr(shown + "\"" + value + "\"\n"));
      }
    }
  }
}

TEST(CommandLineTest, FlagsWinOverEnvironmentOverFileOverDefaults) {
  TempDir dir;
  const std::string file =
      dir.Write("config.toml", "dev = true\ndata = \"from-file\"\nlog-level = \"error\"\n");
  EXPECT_EQ(Parse({"--config", file})->config.store.data_dir, "from-file");
  EXPECT_EQ(Parse({"--config", file})->config.log.level, log::Level::kError);
  const ScopedVariable data("CLAVIGER_DATA", "from-environment");
  EXPECT_EQ(Parse({"--config", file})->config.store.data_dir, "from-environment");
  EXPECT_EQ(Parse({"--config", file, "--data", "from-flag"})->config.store.data_dir, "from-flag");
}

TEST(CommandLineTest, ASwitchIsTurnedOffAgainByWhatWins) {
  TempDir dir;
  const std::string file = dir.Write("config.toml", "dev = true\n");
  EXPECT_TRUE(Parse({"--config", file})->config.dev);
  EXPECT_FALSE(
      Parse({"--config", file, "--dev=false", "--insecure", "--pepper-file", "p"})->config.dev);
  const ScopedVariable dev("CLAVIGER_DEV", "false");
  EXPECT_THAT(ErrorOf({"--config", file}), HasSubstr("--tls-cert"));
}

TEST(CommandLineTest, TheFileMayBeNamedByTheEnvironment) {
  TempDir dir;
  const ScopedVariable config("CLAVIGER_CONFIG",
                              dir.Write("config.toml", "dev = true\ndata = \"d\"\n"));
  EXPECT_EQ(Parse({})->config.store.data_dir, "d");
}

TEST(CommandLineTest, AFileWithMistakesIsRefusedByNameAndLine) {
  TempDir dir;
  const struct {
    const char* text;
    const char* problem;
  } kCases[] = {
      {"dev = true\nunknown = 1\n", "line 2: there is no setting 'unknown'"},
      {"dev = true\nconfig = \"x\"\n", "line 2: there is no setting 'config'"},
      {"dev = true\nversion = true\n", "line 2: there is no setting 'version'"},
      {"dev = true\ndev = true\n", "line 2: dev is set twice"},
      {"[tls]\ncert = \"x\"\n", "line 1: settings are a flat list"},
  };
  for (const auto& [text, problem] : kCases) {
    const std::string file = dir.Write("config.toml", text);
    EXPECT_THAT(ErrorOf({"--config", file}), AllOf(HasSubstr(file), HasSubstr(problem)));
  }
  EXPECT_THAT(ErrorOf({"--config", "/no/such/file"}), HasSubstr("/no/such/file"));
}

TEST(CommandLineTest, PrintedConfigIsTakenBack) {
  const auto printed = Parse(Production(
      {"--print-config", "--memory", "1GiB", "--log-format", "json", "--http-listen", "off"}));
  ASSERT_TRUE(printed.ok()) << printed.status();
  EXPECT_EQ(printed->mode, RunMode::kPrint);
  EXPECT_THAT(printed->text, HasSubstr("memory = \"1GiB\"\n"));
  TempDir dir;
  const auto again = Parse({"--config", dir.Write("config.toml", printed->text), "--print-config"});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->text, printed->text);
}

TEST(CommandLineTest, PrintConfigWorksOnAConfigThatCannotServe) {
  EXPECT_EQ(Parse({"--print-config", "--listen", "0.0.0.0:1", "--insecure"})->mode,
            RunMode::kPrint);
}

TEST(CommandLineTest, CheckConfigIsAMode) {
  EXPECT_EQ(Parse({"check-config", "--dev"})->mode, RunMode::kCheckConfig);
  EXPECT_EQ(Parse({"--dev", "check-config"})->mode, RunMode::kCheckConfig);
  EXPECT_THAT(ErrorOf({"check-config"}), HasSubstr("--tls-cert"));
}

TEST(CommandLineTest, NewPepperNeedsAnIdAndAFileAndNothingElse) {
  const auto command = Parse({"new-pepper", "p2", "--pepper-file", "/etc/claviger/pepper"});
  ASSERT_TRUE(command.ok()) << command.status();
  EXPECT_EQ(command->mode, RunMode::kNewPepper);
  EXPECT_EQ(command->pepper_id, "p2");
  EXPECT_EQ(command->config.callers.pepper_file, "/etc/claviger/pepper");
  EXPECT_EQ(Parse({"new-pepper", "p2", "--dev"})->config.callers.pepper_file, "./data/pepper");
  EXPECT_THAT(ErrorOf({"new-pepper", "p2"}), HasSubstr("--pepper-file"));
  EXPECT_THAT(ErrorOf({"new-pepper", "--dev"}), HasSubstr("id"));
}

TEST(CommandLineTest, HelpListsEverySetting) {
  const auto help = Parse({"--help"});
  ASSERT_TRUE(help.ok()) << help.status();
  EXPECT_EQ(help->mode, RunMode::kPrint);
  ServerConfig defaults;
  for (const Setting& setting : SettingsOf(defaults)) {
    EXPECT_THAT(help->text, HasSubstr("--" + setting.name));
  }
}

TEST(CommandLineTest, VersionIsPrinted) {
  EXPECT_EQ(Parse({"--version"})->text, "clavigerd 1.2.3\n");
}

TEST(ServerConfigTest, CheckFilesRefusesAPepperFileThatOthersMayRead) {
  TempDir dir;
  ServerConfig config =
      Parse({"--insecure", "--pepper-file", dir.Write("pepper", "p1:AAAA", 0644)})->config;
  EXPECT_THAT(std::string(config.CheckFiles(absl::Now()).message()), HasSubstr("chmod 0600"));
  config.callers.pepper_file = dir.Write("pepper", "p1:AAAA", 0600);
  EXPECT_TRUE(config.CheckFiles(absl::Now()).ok());
}

TEST(ServerConfigTest, CheckFilesReadsTheCallerMap) {
  TempDir dir;
  ServerConfig config =
      Parse({"--insecure", "--pepper-file", dir.Write("pepper", "p1:AAAA", 0600)})->config;
  config.callers.caller_map =
      dir.Write("callers.json", R"({"callers": [{"san": "dns:a", "permissions": ["keys.fly"]}]})");
  EXPECT_THAT(std::string(config.CheckFiles(absl::Now()).message()), HasSubstr("keys.fly"));
}

TEST(ServerConfigTest, CheckFilesMissesThePepperFileInProductionOnly) {
  TempDir dir;
  const std::string none = dir.Join("none");
  EXPECT_TRUE(absl::IsNotFound(
      Parse({"--insecure", "--pepper-file", none})->config.CheckFiles(absl::Now())));
  EXPECT_TRUE(Parse({"--dev", "--pepper-file", none})->config.CheckFiles(absl::Now()).ok());
}

TEST(CommandLineTest, ProjectsWithMetricsAreAListOfFew) {
  const auto command = Parse({"--dev", "--metrics-projects", "shop, acme,shop"});
  ASSERT_TRUE(command.ok()) << command.status();
  EXPECT_EQ(command->config.metrics.projects, (std::vector<std::string>{"acme", "shop"}));
  EXPECT_THAT(ToToml(command->config), HasSubstr("metrics-projects = \"acme,shop\""));
  EXPECT_TRUE(Parse({"--dev"})->config.metrics.projects.empty());
  EXPECT_TRUE(Parse({"--dev", "--metrics-projects", "off"})->config.metrics.projects.empty());
  EXPECT_THAT(ToToml(Parse({"--dev"})->config), HasSubstr("metrics-projects = \"off\""));

  EXPECT_THAT(ErrorOf({"--dev", "--metrics-projects", "Shop"}), HasSubstr("metrics-projects"));
  EXPECT_THAT(ErrorOf({"--dev", "--metrics-projects", "a b"}), HasSubstr("metrics-projects"));
  std::string many;
  for (int i = 0; i < 101; ++i) many += "project-" + std::to_string(i) + ",";
  EXPECT_THAT(ErrorOf({"--dev", "--metrics-projects", many}), HasSubstr("at most 100"));
}

TEST(CommandLineTest, RestoreTakesABackupAndNeedsNoMoreThanAStoreAndAPepper) {
  const auto command = Parse({"restore", "claviger.backup", "--data", "/d", "--pepper-file", "/p"});
  ASSERT_TRUE(command.ok()) << command.status();
  EXPECT_EQ(command->mode, RunMode::kRestore);
  EXPECT_EQ(command->restore.file, "claviger.backup");
  EXPECT_EQ(command->restore.audit_export, "");
  EXPECT_FALSE(command->restore.dry_run);
  EXPECT_FALSE(command->restore.new_root_key);
  EXPECT_FALSE(command->config.store.accept_older_state);
  EXPECT_EQ(command->config.store.data_dir, "/d");
  EXPECT_EQ(command->restore.audit_head, std::nullopt);
  const std::string head = "812:" + std::string(64, '9');
  const auto more =
      Parse({"restore", "-", "--audit-head", head, "--audit-export", "audit.jsonl", "--dry-run",
             "--new-root-key", "--accept-older-state", "--pepper-file", "/p"});
  ASSERT_TRUE(more.ok()) << more.status();
  EXPECT_EQ(more->restore.file, "-");
  EXPECT_EQ(more->restore.audit_export, "audit.jsonl");
  EXPECT_EQ(more->restore.audit_head.value().ToString(), head);
  EXPECT_TRUE(more->restore.dry_run);
  EXPECT_TRUE(more->restore.new_root_key);
  EXPECT_TRUE(more->config.store.accept_older_state);
}

TEST(CommandLineTest, RestoreThatIsNotToldWhatItNeedsIsRefused) {
  EXPECT_THAT(ErrorOf({"restore", "--pepper-file", "/p"}), HasSubstr("file"));
  EXPECT_THAT(ErrorOf({"restore", "a"}), HasSubstr("--pepper-file FILE"));
  EXPECT_THAT(ErrorOf({"restore", "a", "--pepper-file", "/p", "--memory", "1"}),
              HasSubstr("memory"));
  ErrorOf({"restore", "a", "b", "--pepper-file", "/p"});
  ErrorOf({"restore", "a", "check-config", "--pepper-file", "/p"});
  ErrorOf({"--dry-run"});
  EXPECT_THAT(ErrorOf({"restore", "a", "--pepper-file", "/p", "--audit-export", "e", "--audit-head",
                       "812"}),
              HasSubstr("--audit-head: must be REVISION:HASH"));
  EXPECT_THAT(ErrorOf({"restore", "a", "--pepper-file", "/p", "--audit-head",
                       "812:" + std::string(64, '9')}),
              HasSubstr("--audit-export"));
}

}  // namespace
}  // namespace claviger
