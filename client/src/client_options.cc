#include "claviger/client_options.h"

#include <optional>
#include <string_view>
#include <utility>

#include "client/src/endpoint.h"
#include "client/src/secret_access.h"
#include "core/key_record.h"
#include "core/secret.h"
#include "core/text.h"
#include "fmt/format.h"

namespace claviger {
namespace {

constexpr size_t kMaxEndpoints = 16;
constexpr size_t kMaxProjects = 64;
constexpr size_t kMaxCachedKeys = 50'000'000;
constexpr size_t kMinCacheBytes = size_t{64} << 10;
constexpr size_t kMaxCacheBytes = size_t{1} << 40;
constexpr absl::Duration kMinCheckTimeout = absl::Milliseconds(10);
constexpr absl::Duration kMaxCheckTimeout = absl::Seconds(60);
constexpr absl::Duration kMaxStaleOnError = absl::Seconds(60);

absl::Status Invalid(std::string_view option, std::string_view accepted) {
  return absl::InvalidArgumentError(fmt::format("{}: {}", option, accepted));
}

template <typename T>
absl::Status InRange(std::string_view option, T value, T low, T high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return Invalid(option, fmt::format("must be {} to {}, is {}", low, high, value));
}

absl::Status InRange(std::string_view option, absl::Duration value, absl::Duration low,
                     absl::Duration high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return Invalid(option, fmt::format("must be {} to {}, is {}", absl::FormatDuration(low),
                                     absl::FormatDuration(high), absl::FormatDuration(value)));
}

absl::Status CheckEndpoints(const ClientOptions& options) {
  if (options.endpoints.empty() || options.endpoints.size() > kMaxEndpoints) {
    return Invalid("endpoints",
                   fmt::format("must be 1 to {}, are {}", kMaxEndpoints, options.endpoints.size()));
  }
  for (size_t i = 0; i < options.endpoints.size(); ++i) {
    const std::optional<client::Endpoint> endpoint = client::ParseEndpoint(options.endpoints[i]);
    if (!endpoint.has_value()) {
      return Invalid(fmt::format("endpoints[{}]", i),
                     fmt::format("must be {}", client::kEndpointSyntax));
    }
    if (options.plaintext && !endpoint->is_local) {
      return Invalid("plaintext",
                     fmt::format("refused for endpoints[{}], which is not on this machine: the "
                                 "management key would cross the network readable",
                                 i));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCredentials(const ClientOptions& options) {
  const TlsOptions& tls = options.tls;
  if (!options.key.empty() && !options.key_file.empty()) {
    return Invalid("key", "not together with key_file");
  }
  if (options.key.empty() && options.key_file.empty() && tls.cert_file.empty()) {
    return Invalid("key", "give it, key_file or tls.cert_file: the authority must know its caller");
  }
  if (tls.cert_file.empty() != tls.cert_key_file.empty()) {
    return Invalid("tls.cert_file", "give both it and tls.cert_key_file, or neither");
  }
  if (options.plaintext && !(tls.ca_file + tls.cert_file).empty()) {
    return Invalid("plaintext", "not together with tls");
  }
  return absl::OkStatus();
}

}  // namespace

SecretString::SecretString() = default;
SecretString::SecretString(std::string&& bytes) : bytes_(std::move(bytes)) {
  // A short string is moved by copying it: the bytes are still in the source.
  CleanseString(bytes);
}
SecretString::SecretString(SecretString&& other) noexcept { *this = std::move(other); }
SecretString& SecretString::operator=(SecretString&& other) noexcept {
  if (this == &other) return *this;
  CleanseString(bytes_);
  bytes_.swap(other.bytes_);
  // Short strings are copied by a swap.
  CleanseString(other.bytes_);
  return *this;
}
SecretString::~SecretString() { CleanseString(bytes_); }

namespace client {

Secret SecretAccess::Take(SecretString& text) { return Secret(std::move(text.bytes_)); }

}  // namespace client

absl::Status ClientOptions::Validate() const {
  if (absl::Status s = CheckEndpoints(*this); !s.ok()) return s;
  if (absl::Status s = CheckCredentials(*this); !s.ok()) return s;
  if (project_ids.size() > kMaxProjects) {
    return Invalid("project_ids", fmt::format("must be at most {}", kMaxProjects));
  }
  for (size_t i = 0; i < project_ids.size(); ++i) {
    if (!IsValidProjectId(project_ids[i])) {
      return Invalid(fmt::format("project_ids[{}]", i), "must be a project id");
    }
  }
  absl::Status s = InRange("max_cached_keys", max_cached_keys, size_t{1}, kMaxCachedKeys);
  s.Update(InRange("max_cache_bytes", max_cache_bytes, kMinCacheBytes, kMaxCacheBytes));
  s.Update(InRange("check_timeout", check_timeout, kMinCheckTimeout, kMaxCheckTimeout));
  s.Update(InRange("stale_on_error", stale_on_error, absl::ZeroDuration(), kMaxStaleOnError));
  s.Update(CheckText("client_name", client_name, kMaxNameCharacters));
  return s;
}

}  // namespace claviger
