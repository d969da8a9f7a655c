// The files that a TLS server shows and trusts, read and checked as a whole before any of it is
// used.
#ifndef CLAVIGER_SERVER_TRANSPORT_TLS_IDENTITY_H_
#define CLAVIGER_SERVER_TRANSPORT_TLS_IDENTITY_H_

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/secret.h"

namespace claviger {

// Whether clients must, may or cannot show a certificate. One that is shown is always verified.
enum class ClientAuth { kRequire, kOptional, kNone };

// `require`, `optional`, `none`.
std::string_view ClientAuthName(ClientAuth mode);
std::optional<ClientAuth> ParseClientAuth(std::string_view text);

// Where they are. All PEM.
struct TlsFiles {
  // The server's certificate, followed by its intermediates.
  std::filesystem::path certificate;
  // Its private key, unencrypted; readable by its owner and group at most.
  std::filesystem::path key;
  // The authorities that client certificates come from; not read under ClientAuth::kNone.
  std::filesystem::path client_ca;
};

// What the files held at one moment.
struct TlsIdentity {
  std::string certificate_chain;
  Secret private_key;
  // Empty under ClientAuth::kNone.
  std::string client_ca;
  // When the first certificate of the chain runs out.
  absl::Time not_after;
  // SHA-256 over all of the above, raw: differs when any of it differs.
  std::string fingerprint;
};

// Reads the files without judging them, but for size (1 MiB each) and the key's mode. Errors:
// INVALID_ARGUMENT, `CONFIG_INVALID`, naming the file.
absl::StatusOr<TlsIdentity> ReadTlsFiles(const TlsFiles& files, ClientAuth client_auth);

// OK when a server can serve with `identity` at `now`: the chain parses, its certificates are
// within their dates and each is signed by the next, the key belongs to the first, and the client
// authorities parse. `files` only names what is wrong. Sets `not_after`.
absl::Status CheckTlsIdentity(const TlsFiles& files, ClientAuth client_auth, absl::Time now,
                              TlsIdentity& identity);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_TRANSPORT_TLS_IDENTITY_H_
