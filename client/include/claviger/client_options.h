// How a client reaches its authority and how much it keeps.
//
//   claviger::ClientOptions options;
//   options.endpoints = {"keys-1.internal:7420", "keys-2.internal:7420"};
//   options.key_file = "/run/secrets/claviger.key";
//   options.tls.ca_file = "/etc/claviger/ca.pem";
#ifndef CLAVIGER_CLIENT_OPTIONS_H_
#define CLAVIGER_CLIENT_OPTIONS_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "claviger/client_observer.h"

namespace claviger {

namespace client {
class SecretAccess;
}  // namespace client

// A string that must not leak: cleansed when it goes, cannot be copied, printed or read back.
//
// Thread safety: like a std::string.
class SecretString {
 public:
  SecretString();
  // Takes the bytes over and cleanses `bytes`.
  explicit SecretString(std::string&& bytes);
  SecretString(SecretString&& other) noexcept;
  SecretString& operator=(SecretString&& other) noexcept;
  ~SecretString();

  bool empty() const { return bytes_.empty(); }

 private:
  friend class client::SecretAccess;

  std::string bytes_;
};

// PEM files, read once, when the client is created.
struct TlsOptions {
  // Whom to trust. Empty: whom this machine trusts.
  std::string ca_file = {};
  // The client's own certificate, for authorities that know their callers by it. Both or neither.
  std::string cert_file = {};
  std::string cert_key_file = {};
};

struct ClientOptions {
  // 1 to 16 of `HOST:PORT`, `[IPV6]:PORT` or `unix:PATH`, all of the same authority. The client
  // keeps to one of them, chosen at random, and goes on to the next when it fails.
  std::vector<std::string> endpoints = {};

  // The management key that the client shows to the authority, which needs the permission
  // `keys.verify`: as text, or as a file that contains it (read once, when the client is created).
  // Neither: the certificate in `tls` must do.
  SecretString key = {};
  std::string key_file = {};

  TlsOptions tls = {};
  // No TLS. Refused unless every endpoint is on this machine (a loopback address, `localhost`, a
  // unix socket): the management key would cross the network readable.
  bool plaintext = false;

  // Keep keys of these projects only (at most 64), and hear of no others: for a service that serves
  // one project of a large authority. Keys of other projects are checked with a call each, so this
  // does not limit who gets in: CheckRequirements::project_id does. Empty: keep all.
  std::vector<std::string> project_ids = {};

  // The most that is kept: 1 to 50,000,000 keys, and 64 KiB to 1 TiB of memory for them.
  size_t max_cached_keys = 100'000;
  size_t max_cache_bytes = size_t{64} << 20;

  // How long a check may take, with all retries. 10 ms to 60 s.
  absl::Duration check_timeout = absl::Seconds(1);

  // How long past its lease the cache is still trusted when the authority does not answer. 0 to
  // 60 s. 0 fails closed. Anything else buys availability with time: a strict revoke waits this
  // much longer for a client that it cannot reach.
  absl::Duration stale_on_error = absl::ZeroDuration();

  // Name and version of the service, shown by `claviger status`. At most 128 characters.
  std::string client_name = {};

  // May be null. Lives until the client is closed and destroyed.
  std::shared_ptr<ClientObserver> observer = nullptr;

  // OK, or INVALID_ARGUMENT naming the first option that is not as said above. Reads no files.
  absl::Status Validate() const;
};

}  // namespace claviger

#endif  // CLAVIGER_CLIENT_OPTIONS_H_
