// Every setting of clavigerd, with its default.
//
// Flags, environment and file are read by server/config/command_line.h.
#ifndef CLAVIGER_SERVER_CONFIG_SERVER_CONFIG_H_
#define CLAVIGER_SERVER_CONFIG_SERVER_CONFIG_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "core/lifecycle.h"
#include "core/sync_messages.h"
#include "server/logging/log.h"
#include "server/transport/listen_address.h"
#include "server/transport/server_limits.h"
#include "server/transport/tls_identity.h"
#include "storage/usage.h"

namespace claviger {

// Whether gRPC reflection is served; kAuto: only where nobody outside this machine can ask.
enum class ReflectionMode { kAuto, kOn, kOff };

// The two ports.
struct ListenConfig {
  ListenAddress grpc = *ListenAddress::Parse("127.0.0.1:7420");
  // Metrics and health; nullopt: off.
  std::optional<ListenAddress> http = ListenAddress::Parse("127.0.0.1:7421");
  // gRPC without TLS.
  bool insecure = false;
  ReflectionMode reflection = ReflectionMode::kAuto;

  // Plaintext only on loopback or a unix socket; HTTP only over TCP.
  absl::Status Validate() const;
};

// TLS of the gRPC port.
struct TlsConfig {
  TlsFiles files;
  ClientAuth client_auth = ClientAuth::kRequire;

  // Whether any of the files is given.
  bool given() const;
  absl::Status Validate() const;
};

// Where keys are kept.
struct StoreConfig {
  // Empty until ApplyMode: ./data in dev, else /var/lib/claviger.
  std::filesystem::path data_dir;
  // For the store's caches and buffers, in bytes.
  uint64_t memory_bytes = uint64_t{256} << 20;
  // Free space in bytes below which nothing is taken that makes the store larger: 32 MiB to 1 TiB.
  // As much as half of it is set aside, to be given up when there is no other; a quarter is kept
  // from changes of every kind, to write out what is in memory.
  uint64_t disk_reserve_bytes = uint64_t{256} << 20;
  // Opens a store that is older than what clients have seen of it, e.g. a restored backup.
  bool accept_older_state = false;
  // How long a deleted key can be shown again before it goes for good: 1 h to 10 years.
  absl::Duration deleted_key_retention = kDefaultDeletedKeyRetention;
  // How long counts of checks are kept, by hour: 48 h to 10 years.
  absl::Duration usage_retention = kDefaultUsageRetention;

  absl::Status Validate() const;
};

// What recognises keys and callers.
struct CallerConfig {
  // `id:base64` lines, mode 0600.
  std::filesystem::path pepper_file;
  // Which client certificates are which callers; empty: none is one.
  std::filesystem::path caller_map;

  absl::Status Validate() const;
};

// Verifiers that cache.
struct SyncConfig {
  // How long a verifier may trust its cache without a word from here, and so how long a strict
  // revoke waits for one that is cut off: 1 s to 60 s.
  absl::Duration lease = sync::kDefaultLease;

  absl::Status Validate() const;
};

// What is measured beside what always is.
struct MetricsConfig {
  static constexpr size_t kMostProjects = 100;
  // Projects with metrics of their own; sorted. Few, because each is a set of series.
  std::vector<std::string> projects;

  absl::Status Validate() const;
};

// All of it.
struct ServerConfig {
  // Plaintext on loopback, and what is missing (pepper file, root key) is made.
  bool dev = false;
  ListenConfig listen;
  TlsConfig tls;
  StoreConfig store;
  CallerConfig callers;
  log::Options log;
  ServerLimits limits;
  SyncConfig sync;
  MetricsConfig metrics;
  // How long a stop waits for calls that are running.
  absl::Duration drain_timeout = absl::Seconds(10);

  // Whether the gRPC port speaks TLS.
  bool tls_enabled() const { return !listen.insecure; }
  bool reflection_enabled() const;

  // Fills in what `dev` implies and what was not given. Idempotent.
  void ApplyMode();
  // OK when a server can be started with this, as far as can be told without looking at files.
  // INVALID_ARGUMENT, `CONFIG_INVALID`: the message names the setting, the value and what is
  // accepted.
  absl::Status Validate() const;
  // OK when the files that it names are there, readable, private where they must be, and, for TLS,
  // fit to serve with at `now`.
  absl::Status CheckFiles(absl::Time now) const;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_CONFIG_SERVER_CONFIG_H_
