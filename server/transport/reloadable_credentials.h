// gRPC server credentials that ask for their identity at each handshake.
//
// gRPC's certificate providers of 1.51 read files on a thread of their own and check nothing. The
// fetcher of its C interface gets the identity from memory instead: no copy of the private key is
// written anywhere, key, chain and client authorities change together, and a change holds from the
// next handshake on.
#ifndef CLAVIGER_SERVER_TRANSPORT_RELOADABLE_CREDENTIALS_H_
#define CLAVIGER_SERVER_TRANSPORT_RELOADABLE_CREDENTIALS_H_

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "grpc/grpc_security.h"
#include "grpcpp/security/server_credentials.h"
#include "server/transport/tls_identity.h"

namespace claviger {

// The identity that new connections get.
//
// Thread safety: all methods may be called from any thread at once.
class CurrentTlsIdentity {
 public:
  struct Versioned {
    std::shared_ptr<const TlsIdentity> identity;
    uint64_t version = 0;  // from 1, counts replacements
  };

  explicit CurrentTlsIdentity(TlsIdentity first);

  void Replace(TlsIdentity next);
  Versioned Get() const;

 private:
  mutable absl::Mutex mutex_;
  Versioned current_ ABSL_GUARDED_BY(mutex_);
};

// What gRPC calls at each handshake of one listening port.
//
// Thread safety: Fetch may be called from any thread; gRPC calls it by one thread at a time.
class TlsIdentityFetcher {
 public:
  // `current` outlives the fetcher.
  explicit TlsIdentityFetcher(const CurrentTlsIdentity& current) : current_(current) {}

  // A grpc_ssl_server_certificate_config_callback; `self` is a TlsIdentityFetcher.
  static grpc_ssl_certificate_config_reload_status Fetch(
      void* self, grpc_ssl_server_certificate_config** config);

 private:
  const CurrentTlsIdentity& current_;
  std::atomic<uint64_t> given_version_ = 0;
};

// Credentials for one listening port, with TLS 1.2 or later and AEAD suites, which are all that
// gRPC offers. `fetcher` outlives the server that listens there.
std::shared_ptr<grpc::ServerCredentials> MakeReloadableCredentials(ClientAuth client_auth,
                                                                   TlsIdentityFetcher& fetcher);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_TRANSPORT_RELOADABLE_CREDENTIALS_H_
