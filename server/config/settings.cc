#include "server/config/settings.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "core/key_record.h"
#include "fmt/format.h"
#include "server/config/values.h"

namespace claviger {
namespace {

constexpr std::string_view kReflectionNames[] = {"auto", "on", "off"};

std::optional<ReflectionMode> ParseReflection(std::string_view text) {
  for (const ReflectionMode mode :
       {ReflectionMode::kAuto, ReflectionMode::kOn, ReflectionMode::kOff}) {
    if (kReflectionNames[static_cast<size_t>(mode)] == text) return mode;
  }
  return std::nullopt;
}

constexpr std::string_view kProjectIdsSyntax = "project ids with ',' between them; or `off`";

std::optional<std::vector<std::string>> ParseProjectIds(std::string_view text) {
  if (text == "off") return std::vector<std::string>();
  std::vector<std::string> ids = absl::StrSplit(std::string(text), ',', absl::SkipWhitespace());
  for (std::string& id : ids) {
    absl::StripAsciiWhitespace(&id);
    if (!IsValidProjectId(id)) return std::nullopt;
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

// Builds the list, one group after another.
class List {
 public:
  List& Group(std::string name) {
    group_ = std::move(name);
    return *this;
  }

  // A setting that `parse` reads into `value` and `format` writes.
  template <typename T, typename Parse, typename Format>
  List& Add(std::string name, T& value, std::string_view accepted, std::string help, Parse parse,
            Format format) {
    Setting setting;
    setting.name = std::move(name);
    setting.group = group_;
    setting.help = std::move(help);
    setting.accepted = accepted;
    setting.set = [&value, parse](std::string_view text) {
      auto parsed = parse(text);
      if (!parsed.has_value()) return false;
      value = *std::move(parsed);
      return true;
    };
    setting.get = [&value, format] { return std::string(format(value)); };
    settings_.push_back(std::move(setting));
    return *this;
  }

  List& Switch(std::string name, bool& value, std::string help) {
    Add(std::move(name), value, kSwitchSyntax, std::move(help), ParseSwitch,
        [](bool on) { return on ? "true" : "false"; });
    settings_.back().is_switch = true;
    return *this;
  }
  // Empty is as though it was not given.
  List& Path(std::string name, std::filesystem::path& value, std::string help) {
    return Add(
        std::move(name), value, "a path", std::move(help),
        [](std::string_view text) { return std::optional<std::filesystem::path>(text); },
        [](const std::filesystem::path& path) { return path.string(); });
  }
  // Empty is a mistake, such as of a script whose variable is not set, and no wish for the default.
  List& PathThatIsGiven(std::string name, std::filesystem::path& value, std::string help) {
    return Add(
        std::move(name), value, "a path that is not empty", std::move(help),
        [](std::string_view text) {
          return text.empty() ? std::nullopt : std::optional<std::filesystem::path>(text);
        },
        [](const std::filesystem::path& path) { return path.string(); });
  }
  List& Size(std::string name, uint64_t& value, std::string help) {
    return Add(std::move(name), value, kSizeSyntax, std::move(help), ParseSize, FormatSize);
  }
  List& Count(std::string name, uint64_t& value, std::string help) {
    return Add(std::move(name), value, kCountSyntax, std::move(help), ParseCount,
               [](uint64_t count) { return fmt::format("{}", count); });
  }
  List& Duration(std::string name, absl::Duration& value, std::string help) {
    return Add(std::move(name), value, kDurationSyntax, std::move(help), ParseDuration,
               [](absl::Duration duration) { return absl::FormatDuration(duration); });
  }

  std::vector<Setting> Take() && { return std::move(settings_); }

 private:
  std::string group_;
  std::vector<Setting> settings_;
};

void AddListen(ServerConfig& config, List& list) {
  list.Group("Listening")
      .Switch("dev", config.dev,
              "To try it out: plaintext on loopback, and what is missing is made")
      .Add("listen", config.listen.grpc, kListenAddressSyntax, "gRPC: HOST:PORT or unix:PATH",
           ListenAddress::Parse, [](const ListenAddress& address) { return address.ToString(); })
      .Add(
          "http-listen", config.listen.http, fmt::format("{}; or `off`", kListenAddressSyntax),
          "Metrics and health over HTTP: HOST:PORT, or `off`",
          [](std::string_view text) -> std::optional<std::optional<ListenAddress>> {
            if (text.empty() || text == "off") return std::optional<ListenAddress>();
            const auto address = ListenAddress::Parse(text);
            if (!address.has_value()) return std::nullopt;
            return address;
          },
          [](const std::optional<ListenAddress>& address) {
            return address.has_value() ? address->ToString() : "off";
          })
      .Switch("insecure", config.listen.insecure, "No TLS: only on loopback or a unix socket")
      .Add("reflection", config.listen.reflection, "auto, on or off",
           "Serve gRPC reflection; auto: on loopback only", ParseReflection,
           [](ReflectionMode mode) { return kReflectionNames[static_cast<size_t>(mode)]; });
}

void AddTls(ServerConfig& config, List& list) {
  list.Group("TLS")
      .Path("tls-cert", config.tls.files.certificate, "PEM file: certificate and intermediates")
      .Path("tls-key", config.tls.files.key, "PEM file: private key, closed to others")
      .Path("tls-client-ca", config.tls.files.client_ca,
            "PEM file: authorities of client certificates")
      .Add("client-auth", config.tls.client_auth, "require, optional or none",
           "Whether clients show a certificate: require, optional or none", ParseClientAuth,
           ClientAuthName);
}

void AddStore(ServerConfig& config, List& list) {
  list.Group("Store and keys")
      .PathThatIsGiven("data", config.store.data_dir,
                       "Directory of the store; with --dev ./data, else /var/lib/claviger")
      .Size("memory", config.store.memory_bytes, "Memory for the store's caches and buffers")
      .Size("disk-reserve", config.store.disk_reserve_bytes,
            "Free disk space below which nothing may be issued")
      .Switch("accept-older-state", config.store.accept_older_state,
              "For one start after a copy was put back: opens it, and makes every "
              "cache forget what it has")
      .Duration("deleted-key-retention", config.store.deleted_key_retention,
                "How long a deleted key can be undeleted")
      .Duration("usage-retention", config.store.usage_retention,
                "How long counts of checks are kept")
      .Path("pepper-file", config.callers.pepper_file, "Peppers as `id:base64` lines, mode 0600")
      .Path("caller-map", config.callers.caller_map, "Which client certificates are which callers");
}

void AddOperation(ServerConfig& config, List& list) {
  list.Group("Operation")
      .Add("log-level", config.log.level, "debug, info, warning or error",
           "Least severe lines to log: debug, info, warning or error", log::ParseLevel,
           log::LevelName)
      .Add("log-format", config.log.format, "text or json", "Form of log lines: text or json",
           log::ParseFormat, log::FormatName)
      .Duration("drain-timeout", config.drain_timeout, "How long a stop waits for running calls")
      .Duration("lease", config.sync.lease, "How long verifiers trust their caches unrenewed")
      .Add("metrics-projects", config.metrics.projects, kProjectIdsSyntax,
           "Projects whose keys are counted in /metrics, at most 100", ParseProjectIds,
           [](const std::vector<std::string>& ids) {
             return ids.empty() ? "off" : fmt::format("{}", fmt::join(ids, ","));
           });
}

void AddLimits(ServerConfig& config, List& list) {
  ServerLimits& limits = config.limits;
  list.Group("Limits")
      .Count("max-connections", limits.max_connections, "Connections open at once")
      .Count("max-connections-per-address", limits.max_connections_per_address,
             "Of these, from one IPv4 address or IPv6 /64")
      .Size("transport-memory", limits.transport_memory_bytes,
            "Memory for connections and calls; who makes it grow beyond is disconnected")
      .Size("max-message-size", limits.max_message_bytes, "Largest message received")
      .Size("max-metadata-size", limits.max_metadata_bytes, "Most metadata of a call")
      .Count("max-streams-per-connection", limits.max_streams_per_connection,
             "Calls open at once on a connection")
      .Duration("keepalive-interval", limits.keepalive_interval,
                "Silence after which a connection is pinged")
      .Duration("keepalive-timeout", limits.keepalive_timeout, "Wait for the answer to that ping")
      .Duration("min-ping-interval", limits.min_ping_interval, "Clients may not ping more often")
      .Duration("max-connection-idle", limits.max_connection_idle,
                "A connection without calls is closed after this")
      .Duration("max-connection-age", limits.max_connection_age,
                "A connection is renewed after this")
      .Duration("max-connection-age-grace", limits.max_connection_age_grace,
                "Time for its calls to end then")
      .Duration("handshake-timeout", limits.handshake_timeout,
                "From accepting a connection to the end of its handshakes");
}

}  // namespace

std::vector<Setting> SettingsOf(ServerConfig& config) {
  List list;
  AddListen(config, list);
  AddTls(config, list);
  AddStore(config, list);
  AddOperation(config, list);
  AddLimits(config, list);
  return std::move(list).Take();
}

std::string EnvironmentName(std::string_view setting) {
  std::string name = "CLAVIGER_";
  for (const char c : setting) {
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

}  // namespace claviger
