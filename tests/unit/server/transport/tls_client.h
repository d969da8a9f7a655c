// A bare TLS client: sees what a handshake with a server leads to, without gRPC's own choices.
#ifndef CLAVIGER_TESTS_UNIT_SERVER_TRANSPORT_TLS_CLIENT_H_
#define CLAVIGER_TESTS_UNIT_SERVER_TRANSPORT_TLS_CLIENT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "tests/unit/server/transport/test_certificates.h"

namespace claviger {

struct TlsClientOptions {
  // Shown to the server; null: none.
  const TestCertificate* certificate = nullptr;
  // Of OpenSSL, e.g. TLS1_2_VERSION; 0: its newest.
  int max_version = 0;
  // OpenSSL's list for TLS up to 1.2; empty: its default.
  std::string ciphers = "";
};

// What a server answered.
struct TlsAnswer {
  std::string server_common_name;
  std::string version;  // `TLSv1.3`
  std::string cipher;
};

// Connects to 127.0.0.1:`port`, and waits for the first bytes of HTTP/2 to come back, since with
// TLS 1.3 a refused client learns of it only behind the handshake. nullopt when none came.
std::optional<TlsAnswer> ConnectTls(uint16_t port, const TlsClientOptions& options = {});

}  // namespace claviger

#endif  // CLAVIGER_TESTS_UNIT_SERVER_TRANSPORT_TLS_CLIENT_H_
