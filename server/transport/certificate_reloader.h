// TLS for a gRPC server whose certificate changes while it serves.
//
//   ASSIGN_OR_RETURN(auto tls, CertificateReloader::Create(options, clock, observer));
//   builder.AddListeningPort(address, tls->NewCredentials());
//   …every second, and on SIGHUP:  tls->Poll();
#ifndef CLAVIGER_SERVER_TRANSPORT_CERTIFICATE_RELOADER_H_
#define CLAVIGER_SERVER_TRANSPORT_CERTIFICATE_RELOADER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/clock.h"
#include "grpcpp/security/server_credentials.h"
#include "server/transport/reloadable_credentials.h"
#include "server/transport/tls_identity.h"

namespace claviger {

struct TlsOptions {
  TlsFiles files;
  ClientAuth client_auth = ClientAuth::kRequire;
};

// What one look at the files led to.
enum class CertificatePoll {
  kUnchanged,  // nothing new, or a refusal that was reported before
  kReloaded,   // connections that begin later get the new certificate
  kRefused,    // the new content is unfit; the one before goes on serving
};

// Called on each kReloaded and kRefused, on the thread of Poll. `status` says why it was refused;
// `not_after` is that of the certificate now serving.
using CertificateObserver =
    std::function<void(CertificatePoll outcome, const absl::Status& status, absl::Time not_after)>;

// Holds the identity that new connections are served with, and replaces it as a whole, only by one
// that passed CheckTlsIdentity. Connections that exist keep theirs.
//
// Thread safety: all methods may be called from any thread at once. Poll reads files: not for gRPC
// threads.
class CertificateReloader {
 public:
  // Reads and checks the files; an error when they are unfit. `clock` outlives the reloader.
  static absl::StatusOr<std::unique_ptr<CertificateReloader>> Create(TlsOptions options,
                                                                     const Clock& clock,
                                                                     CertificateObserver observer);

  CertificateReloader(const CertificateReloader&) = delete;
  CertificateReloader& operator=(const CertificateReloader&) = delete;

  // Credentials for one listening port. The reloader outlives the server that listens there.
  std::shared_ptr<grpc::ServerCredentials> NewCredentials();

  // Looks at the files, by content. Unfit content is reported once, not at every look.
  CertificatePoll Poll();

  // When the certificate now serving runs out.
  absl::Time not_after() const { return current_.Get().identity->not_after; }

 private:
  CertificateReloader(TlsOptions options, const Clock& clock, CertificateObserver observer,
                      TlsIdentity first);

  const TlsOptions options_;
  const Clock& clock_;
  const CertificateObserver observer_;
  CurrentTlsIdentity current_;

  absl::Mutex mutex_;
  // What was refused last: the fingerprint, or the error for files that could not be read.
  std::string last_refused_ ABSL_GUARDED_BY(mutex_);
  // gRPC calls them for as long as a server uses the credentials.
  std::vector<std::unique_ptr<TlsIdentityFetcher>> fetchers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_TRANSPORT_CERTIFICATE_RELOADER_H_
