#include "server/app/config_difference.h"

#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace claviger {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

ServerConfig DevConfig() {
  ServerConfig config;
  config.dev = true;
  config.ApplyMode();
  return config;
}

TEST(ChangedSettingsTest, TheSameSettingsDifferInNothing) {
  EXPECT_THAT(ChangedSettings(DevConfig(), DevConfig()), IsEmpty());
  EXPECT_THAT(ChangedSettings(ServerConfig(), ServerConfig()), IsEmpty());
}

TEST(ChangedSettingsTest, EachSettingIsNamedAsInTheFile) {
  struct Case {
    std::string setting;
    std::function<void(ServerConfig&)> change;
  };
  for (const Case& row : std::vector<Case>{
           {"listen", [](auto& c) { c.listen.grpc = *ListenAddress::Parse("127.0.0.1:1"); }},
           {"http-listen", [](auto& c) { c.listen.http = ListenAddress::Parse("127.0.0.1:2"); }},
           {"http-listen", [](auto& c) { c.listen.http.reset(); }},
           {"data", [](auto& c) { c.store.data_dir = "/elsewhere"; }},
           {"memory", [](auto& c) { c.store.memory_bytes *= 2; }},
           {"pepper-file", [](auto& c) { c.callers.pepper_file = "/elsewhere"; }},
           {"caller-map", [](auto& c) { c.callers.caller_map = "/elsewhere"; }},
           {"tls-cert", [](auto& c) { c.tls.files.certificate = "/elsewhere"; }},
           {"client-auth", [](auto& c) { c.tls.client_auth = ClientAuth::kNone; }},
           {"log-level", [](auto& c) { c.log.level = log::Level::kDebug; }},
           {"drain-timeout", [](auto& c) { c.drain_timeout = absl::Seconds(1); }},
           {"max-connection-age",
            [](auto& c) { c.limits.max_connection_age = absl::Seconds(1); }}}) {
    ServerConfig changed = DevConfig();
    row.change(changed);
    EXPECT_THAT(ChangedSettings(DevConfig(), changed), ElementsAre(row.setting));
    EXPECT_THAT(ChangedSettings(changed, DevConfig()), ElementsAre(row.setting));
  }
}

TEST(ChangedSettingsTest, NamesAllThatDiffer) {
  ServerConfig changed = DevConfig();
  changed.store.memory_bytes *= 2;
  changed.log.format = log::Format::kJson;
  EXPECT_THAT(ChangedSettings(DevConfig(), changed), UnorderedElementsAre("memory", "log-format"));
}

}  // namespace
}  // namespace claviger
