// The configuration file and the values in it.
#include <sstream>
#include <string>

#include "core/status.h"
#include "core/text.h"
#include "server/config/server_config.h"
#include "server/config/settings.h"
#include "server/config/toml_file.h"
#include "server/config/values.h"
#include "tests/fuzz/fuzz.h"

namespace claviger {
namespace {

void CheckValues(std::string_view text) {
  if (const auto size = ParseSize(text); size.has_value()) {
    FUZZ_CHECK(ParseSize(FormatSize(*size)) == size);
  }
  if (const auto duration = ParseDuration(text); duration.has_value()) {
    FUZZ_CHECK(*duration >= absl::ZeroDuration() && *duration < absl::InfiniteDuration());
  }
  if (const auto count = ParseCount(text); count.has_value()) {
    FUZZ_CHECK(ParseCount(std::to_string(*count)) == count);
  }
}

// Gives each setting of the file to the server's configuration, which shows what it took as text
// that it takes again.
void CheckSettings(const std::vector<TomlSetting>& lines) {
  ServerConfig config;
  for (const Setting& setting : SettingsOf(config)) {
    for (const TomlSetting& line : lines) {
      if (line.name != setting.name) continue;
      const std::string before = setting.get();
      if (!setting.set(line.value)) {
        FUZZ_CHECK(setting.get() == before);
        continue;
      }
      const std::string shown = setting.get();
      FUZZ_CHECK(setting.set(shown));
      FUZZ_CHECK(setting.get() == shown);
    }
  }
  config.ApplyMode();
  const absl::Status valid = config.Validate();
  FUZZ_CHECK(valid.ok() || DetailsOf(valid).reason == Reason::kConfigInvalid);
}

}  // namespace
}  // namespace claviger

FUZZ_TARGET(config_file) {
  using namespace claviger;  // NOLINT(google-build-using-namespace)
  std::istringstream file{std::string(input)};
  const auto settings = ReadToml(file);
  if (!settings.ok()) {
    FUZZ_CHECK(DetailsOf(settings.status()).reason == Reason::kConfigInvalid);
    return;
  }
  FUZZ_CHECK(IsValidUtf8(input));
  // Written as ToToml writes it, it says the same.
  std::string written;
  for (const TomlSetting& setting : *settings) {
    written += setting.name + " = " + TomlString(setting.value) + "\n";
    CheckValues(setting.value);
  }
  std::istringstream copy(written);
  const auto again = ReadToml(copy);
  FUZZ_CHECK(again.ok() && again->size() == settings->size());
  for (size_t i = 0; i < settings->size(); ++i) {
    FUZZ_CHECK((*again)[i].name == (*settings)[i].name);
    FUZZ_CHECK((*again)[i].value == (*settings)[i].value);
  }
  CheckSettings(*settings);
}
