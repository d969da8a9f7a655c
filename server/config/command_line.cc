#include "server/config/command_line.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "core/status.h"
#include "fmt/format.h"
#include "server/config/settings.h"
#include "server/config/toml_file.h"
#include "server/config/values.h"
#include "server/transport/invalid_setting.h"

namespace claviger {
namespace {

constexpr char kConfigVariable[] = "CLAVIGER_CONFIG";
constexpr char kFooter[] =
    "Each setting may also stand in the environment (CLAVIGER_TLS_CERT for --tls-cert) and in the "
    "file of\n--config (tls-cert = \"…\"). Flags win over the environment, the environment over "
    "the "
    "file.";

absl::Status Refused(std::string message) {
  return ErrorBuilder(absl::StatusCode::kInvalidArgument, Reason::kConfigInvalid)
      .Build(std::move(message));
}

// The environment's value; empty when there is none.
std::string FromEnvironment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? "" : value;
}

// Feeds our TOML to CLI11, whose own reader takes much that is not TOML, and whose own order lets
// the file win over the environment.
class TomlConfig final : public CLI::Config {
 public:
  // `settings` outlives this.
  explicit TomlConfig(const std::vector<Setting>& settings) : settings_(settings) {}

  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    auto read = ReadToml(input);
    if (!read.ok()) throw CLI::ConfigError(std::string(read.status().message()));
    std::vector<CLI::ConfigItem> found;
    for (TomlSetting& setting : *read) {
      if (!IsKnown(setting.name)) {
        throw CLI::ConfigError(
            fmt::format("line {}: there is no setting '{}'; clavigerd --help lists all",
                        setting.line, setting.name));
      }
      if (!FromEnvironment(EnvironmentName(setting.name)).empty()) continue;
      CLI::ConfigItem item;
      item.name = std::move(setting.name);
      item.inputs.push_back(std::move(setting.value));
      found.push_back(std::move(item));
    }
    return found;
  }

  // Files are written by ToToml.
  std::string to_config(const CLI::App*, bool, bool, std::string) const override { return {}; }

 private:
  bool IsKnown(std::string_view name) const {
    return std::any_of(settings_.begin(), settings_.end(),
                       [name](const Setting& setting) { return setting.name == name; });
  }

  const std::vector<Setting>& settings_;
};

// One line for an option, with what it takes, but not its variable: the footer says how that is
// named.
class HelpFormatter final : public CLI::Formatter {
 public:
  HelpFormatter() { column_width(38); }
  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_type_name().empty() ? "" : fmt::format(" {}", option->get_type_name());
  }
};

// What was asked for beside settings.
struct Asked {
  bool print_config = false;
  CLI::App* check_config = nullptr;
  CLI::App* new_pepper = nullptr;
  std::string pepper_id;
  CLI::App* restore = nullptr;
  RestoreRequest restoring;
};

void DescribeRestore(CLI::App& app, Asked& asked) {
  RestoreRequest& wanted = asked.restoring;
  asked.restore = app.add_subcommand(
      "restore", "Make the data directory from a backup; the server must not run meanwhile");
  asked.restore->fallthrough();
  asked.restore->add_option("file", wanted.file, "The backup, or - for standard input")
      ->required()
      ->configurable(false)
      ->type_name("FILE");
  CLI::Option* const audit_export =
      asked.restore
          ->add_option("--audit-export", wanted.audit_export,
                       "What `claviger audit export` wrote after the backup: what it says was "
                       "revoked, disabled, narrowed or deleted since is so again")
          ->configurable(false)
          ->type_name("FILE");
  asked.restore
      ->add_option_function<std::string>(
          "--audit-head",
          [&wanted](const std::string& text) {
            wanted.audit_head = AuditHead::Parse(text);
            if (wanted.audit_head.has_value()) return;
            throw CLI::ValidationError("--audit-head",
                                       "must be REVISION:HASH as `claviger audit export` and "
                                       "`claviger audit verify` print it");
          },
          "A head of the audit log that was kept elsewhere, which the export must have: shows that "
          "nothing up to it was left out")
      ->needs(audit_export)
      ->configurable(false)
      ->type_name("REVISION:HASH");
  asked.restore
      ->add_flag("--new-root-key", wanted.new_root_key,
                 "Make a root key too, where nobody has one any more")
      ->configurable(false);
  asked.restore
      ->add_flag("--dry-run", wanted.dry_run, "Check everything, say what would be, leave nothing")
      ->configurable(false);
}

// Describes the command line to `app`; returns the options in the order of `settings`.
std::vector<CLI::Option*> Describe(CLI::App& app, const std::vector<Setting>& settings,
                                   std::string_view version, Asked& asked) {
  app.name("clavigerd");
  app.footer(kFooter);
  app.formatter(std::make_shared<HelpFormatter>());
  app.set_version_flag("--version", fmt::format("clavigerd {}", version), "Print the version");
  app.add_flag("--print-config", asked.print_config,
               "Print all settings, as a file for --config, and exit")
      ->configurable(false);
  asked.check_config =
      app.add_subcommand("check-config", "Say whether the server would start, and why not");
  asked.check_config->fallthrough();
  asked.new_pepper = app.add_subcommand(
      "new-pepper",
      "Put a new pepper before the others in the pepper file, or make the file; prints no secret");
  asked.new_pepper->fallthrough();
  asked.new_pepper->add_option("id", asked.pepper_id, "What to call it: [a-z0-9-]{1,32}, e.g. p2")
      ->required()
      ->configurable(false)
      ->type_name("ID");
  DescribeRestore(app, asked);
  app.require_subcommand(0, 1);
  const std::string file = FromEnvironment(kConfigVariable);
  app.set_config("--config", file, "Read settings from FILE (TOML)",
                 /*config_required=*/!file.empty())
      ->type_name("FILE");
  app.config_formatter(std::make_shared<TomlConfig>(settings));
  app.allow_config_extras(CLI::config_extras_mode::error);

  std::vector<CLI::Option*> options;
  for (const Setting& setting : settings) {
    const std::string flag = fmt::format("--{}", setting.name);
    const std::string value = setting.get();
    CLI::Option* option = setting.is_switch ? app.add_flag(flag) : app.add_option(flag);
    option->description(value.empty() || setting.is_switch
                            ? setting.help
                            : fmt::format("{} [{}]", setting.help, value));
    option->envname(EnvironmentName(setting.name))->group(setting.group);
    if (!setting.is_switch) option->type_name("VALUE");
    options.push_back(option);
  }
  return options;
}

absl::Status Store(const std::vector<Setting>& settings, const std::vector<CLI::Option*>& options) {
  for (size_t i = 0; i < settings.size(); ++i) {
    const auto& given = options[i]->results();
    if (given.empty()) continue;
    if (given.size() > 1) {
      return Refused(fmt::format("{}: is given more than once", settings[i].name));
    }
    if (!settings[i].set(given.front())) {
      return InvalidSetting(settings[i].name, given.front(), settings[i].accepted);
    }
  }
  return absl::OkStatus();
}

CommandLine Print(std::string text) {
  if (!text.ends_with('\n')) text += '\n';
  CommandLine command;
  command.mode = RunMode::kPrint;
  command.text = std::move(text);
  return command;
}

}  // namespace

absl::StatusOr<CommandLine> ParseCommandLine(int argc, const char* const* argv,
                                             std::string_view version) {
  CommandLine command;
  const std::vector<Setting> settings = SettingsOf(command.config);
  CLI::App app("The key authority: issues, scopes, rotates and revokes API keys.");
  Asked asked;
  const auto options = Describe(app, settings, version, asked);
  // CLI11 reports by exceptions; none leaves this function.
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return Print(app.help());
  } catch (const CLI::CallForVersion& call) {
    return Print(call.what());
  } catch (const CLI::ConfigError& error) {
    return Refused(fmt::format("configuration file {}: {}", app.get_config_ptr()->as<std::string>(),
                               error.what()));
  } catch (const CLI::ParseError& error) {
    return Refused(error.what());
  }
  const absl::Status stored = Store(settings, options);
  if (!stored.ok()) return stored;
  command.config.ApplyMode();
  if (asked.print_config) return Print(ToToml(command.config));
  if (asked.new_pepper->parsed()) {
    command.mode = RunMode::kNewPepper;
    command.pepper_id = asked.pepper_id;
    const absl::Status named = command.config.callers.Validate();
    if (!named.ok()) return named;
    return command;
  }
  if (asked.restore->parsed()) {
    command.mode = RunMode::kRestore;
    command.restore = std::move(asked.restoring);
    if (absl::Status s = command.config.store.Validate(); !s.ok()) return s;
    if (absl::Status s = command.config.callers.Validate(); !s.ok()) return s;
    return command;
  }
  const absl::Status valid = command.config.Validate();
  if (!valid.ok()) return valid;
  if (asked.check_config->parsed()) command.mode = RunMode::kCheckConfig;
  return command;
}

std::string ToToml(const ServerConfig& config) {
  ServerConfig copy = config;
  std::string text;
  std::string group;
  for (const Setting& setting : SettingsOf(copy)) {
    if (setting.group != group) {
      group = setting.group;
      fmt::format_to(std::back_inserter(text), "{}# {}\n\n", text.empty() ? "" : "\n", group);
    }
    const std::string value = setting.get();
    const bool is_bare = ParseSwitch(value).has_value() || ParseCount(value).has_value();
    fmt::format_to(std::back_inserter(text), "# {}\n{} = {}\n", setting.help, setting.name,
                   is_bare ? value : TomlString(value));
  }
  return text;
}

}  // namespace claviger
