// The list of all settings by name. Flags, environment, file, `--print-config` and `--help` are all
// made from it, so that none of them can know a setting that the others do not.
#ifndef CLAVIGER_SERVER_CONFIG_SETTINGS_H_
#define CLAVIGER_SERVER_CONFIG_SETTINGS_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "server/config/server_config.h"

namespace claviger {

// One setting of a ServerConfig, as text.
struct Setting {
  std::string name;      // `tls-cert`
  std::string group;     // heading in --help
  std::string help;      // one line
  std::string accepted;  // what `set` takes, for error messages
  bool is_switch = false;
  // Returns false and changes nothing when `text` is not what is accepted.
  std::function<bool(std::string_view text)> set;
  std::function<std::string()> get;
};

// Settings that read and write `config`, which outlives them.
std::vector<Setting> SettingsOf(ServerConfig& config);

// `CLAVIGER_TLS_CERT` for `tls-cert`.
std::string EnvironmentName(std::string_view setting);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_CONFIG_SETTINGS_H_
