#include "server/config/server_config.h"

#include <string>
#include <string_view>
#include <utility>

#include "core/status.h"
#include "fmt/format.h"
#include "server/config/private_file.h"
#include "server/config/values.h"
#include "server/manage/caller_map.h"
#include "server/transport/invalid_setting.h"

namespace claviger {
namespace {

absl::Status Incomplete(std::string message) {
  return ErrorBuilder(absl::StatusCode::kInvalidArgument, Reason::kConfigInvalid)
      .Build(std::move(message));
}

}  // namespace

absl::Status ListenConfig::Validate() const {
  if (insecure && !grpc.IsLoopback()) {
    return InvalidSetting("listen", grpc.ToString(),
                          "a loopback address (127.0.0.1, [::1]) or unix:PATH without TLS; to "
                          "listen elsewhere give --tls-cert, --tls-key and --tls-client-ca instead "
                          "of --insecure or --dev");
  }
  if (http.has_value() && http->is_unix()) {
    return InvalidSetting("http-listen", http->ToString(), "HOST:PORT, or `off`");
  }
  if (http.has_value() && *http == grpc && grpc.port() != 0) {
    return InvalidSetting("http-listen", http->ToString(), "another address than that of --listen");
  }
  return absl::OkStatus();
}

bool TlsConfig::given() const {
  return !files.certificate.empty() || !files.key.empty() || !files.client_ca.empty();
}

absl::Status TlsConfig::Validate() const {
  if (files.certificate.empty() || files.key.empty()) {
    return Incomplete(
        "TLS needs a certificate and its key: give --tls-cert FILE and --tls-key FILE, or, on a "
        "loopback address or unix socket only, --insecure");
  }
  if (files.client_ca.empty() && client_auth != ClientAuth::kNone) {
    return Incomplete(
        fmt::format("--client-auth={} needs the authorities that client certificates come from: "
                    "give --tls-client-ca FILE, or --client-auth=none",
                    ClientAuthName(client_auth)));
  }
  return absl::OkStatus();
}

absl::Status StoreConfig::Validate() const {
  // The record cache takes its share of it, and the store does not open with less than 32 MiB.
  constexpr uint64_t kLeastMemory = uint64_t{64} << 20;
  constexpr uint64_t kMostMemory = uint64_t{1} << 40;
  if (data_dir.empty()) return InvalidSetting("data", "", "a path");
  if (memory_bytes < kLeastMemory || memory_bytes > kMostMemory) {
    return InvalidSetting(
        "memory", FormatSize(memory_bytes),
        fmt::format("from {} to {}", FormatSize(kLeastMemory), FormatSize(kMostMemory)));
  }
  constexpr uint64_t kLeastReserve = uint64_t{32} << 20;
  constexpr uint64_t kMostReserve = uint64_t{1} << 40;
  if (disk_reserve_bytes < kLeastReserve || disk_reserve_bytes > kMostReserve) {
    return InvalidSetting(
        "disk-reserve", FormatSize(disk_reserve_bytes),
        fmt::format("from {} to {}", FormatSize(kLeastReserve), FormatSize(kMostReserve)));
  }
  constexpr absl::Duration kLeastRetention = absl::Hours(1);
  constexpr absl::Duration kMostRetention = absl::Hours(10 * 365 * 24);
  if (deleted_key_retention < kLeastRetention || deleted_key_retention > kMostRetention) {
    return InvalidSetting("deleted-key-retention", absl::FormatDuration(deleted_key_retention),
                          "1h to 87600h (10 years)");
  }
  if (usage_retention < kMinUsageRetention || usage_retention > kMaxUsageRetention) {
    return InvalidSetting("usage-retention", absl::FormatDuration(usage_retention),
                          "48h to 87840h (10 years)");
  }
  return absl::OkStatus();
}

absl::Status SyncConfig::Validate() const {
  if (lease >= sync::kMinLease && lease <= sync::kMaxLease) return absl::OkStatus();
  return InvalidSetting("lease", absl::FormatDuration(lease), "1s to 1m");
}

absl::Status MetricsConfig::Validate() const {
  if (projects.size() <= kMostProjects) return absl::OkStatus();
  return InvalidSetting("metrics-projects", fmt::format("{} projects", projects.size()),
                        fmt::format("at most {}", kMostProjects));
}

absl::Status CallerConfig::Validate() const {
  if (pepper_file.empty()) {
    return Incomplete(
        "keys cannot be stored without a pepper: give --pepper-file FILE (`id:base64` lines, mode "
        "0600), kept apart from the data and its backups");
  }
  return absl::OkStatus();
}

bool ServerConfig::reflection_enabled() const {
  return listen.reflection == ReflectionMode::kAuto ? listen.grpc.IsLoopback()
                                                    : listen.reflection == ReflectionMode::kOn;
}

void ServerConfig::ApplyMode() {
  if (store.data_dir.empty()) store.data_dir = dev ? "./data" : "/var/lib/claviger";
  if (!dev) return;
  if (!tls.given()) listen.insecure = true;
  if (callers.pepper_file.empty()) callers.pepper_file = store.data_dir / "pepper";
}

absl::Status ServerConfig::Validate() const {
  if (listen.insecure && tls.given()) {
    return Incomplete("--insecure and --tls-cert, --tls-key or --tls-client-ca exclude each other");
  }
  constexpr absl::Duration kMostDrain = absl::Minutes(10);
  if (drain_timeout > kMostDrain) {
    return InvalidSetting("drain-timeout", absl::FormatDuration(drain_timeout),
                          fmt::format("at most {}", absl::FormatDuration(kMostDrain)));
  }
  const absl::Status checks[] = {
      listen.Validate(), listen.insecure ? absl::OkStatus() : tls.Validate(),
      store.Validate(),  callers.Validate(),
      limits.Validate(), sync.Validate(),
      metrics.Validate()};
  for (const absl::Status& check : checks) {
    if (!check.ok()) return check;
  }
  return absl::OkStatus();
}

absl::Status ServerConfig::CheckFiles(absl::Time now) const {
  if (tls_enabled()) {
    auto identity = ReadTlsFiles(tls.files, tls.client_auth);
    if (!identity.ok()) return identity.status();
    const absl::Status fit = CheckTlsIdentity(tls.files, tls.client_auth, now, *identity);
    if (!fit.ok()) return fit;
  }
  if (!callers.caller_map.empty()) {
    const auto map = LoadCallerMap(callers.caller_map.string());
    if (!map.ok()) return map.status();
  }
  const auto peppers = ReadPrivateFile(callers.pepper_file);
  // In dev mode the first start makes it.
  if (!peppers.ok() && !(dev && absl::IsNotFound(peppers.status()))) return peppers.status();
  return absl::OkStatus();
}

}  // namespace claviger
