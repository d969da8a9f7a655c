#include "server/transport/certificate_reloader.h"

#include <utility>

namespace claviger {

absl::StatusOr<std::unique_ptr<CertificateReloader>> CertificateReloader::Create(
    TlsOptions options, const Clock& clock, CertificateObserver observer) {
  auto identity = ReadTlsFiles(options.files, options.client_auth);
  if (!identity.ok()) return identity.status();
  const absl::Status fit =
      CheckTlsIdentity(options.files, options.client_auth, clock.Now(), *identity);
  if (!fit.ok()) return fit;
  return std::unique_ptr<CertificateReloader>(new CertificateReloader(
      std::move(options), clock, std::move(observer), *std::move(identity)));
}

CertificateReloader::CertificateReloader(TlsOptions options, const Clock& clock,
                                         CertificateObserver observer, TlsIdentity first)
    : options_(std::move(options)),
      clock_(clock),
      observer_(std::move(observer)),
      current_(std::move(first)) {}

std::shared_ptr<grpc::ServerCredentials> CertificateReloader::NewCredentials() {
  absl::MutexLock lock(&mutex_);
  fetchers_.push_back(std::make_unique<TlsIdentityFetcher>(current_));
  return MakeReloadableCredentials(options_.client_auth, *fetchers_.back());
}

CertificatePoll CertificateReloader::Poll() {
  absl::MutexLock lock(&mutex_);
  auto next = ReadTlsFiles(options_.files, options_.client_auth);
  if (next.ok() && next->fingerprint == current_.Get().identity->fingerprint) {
    last_refused_.clear();
    return CertificatePoll::kUnchanged;
  }
  // Judged again at each look: a certificate may be refused only because its time has not come.
  const absl::Status fit =
      next.ok() ? CheckTlsIdentity(options_.files, options_.client_auth, clock_.Now(), *next)
                : next.status();
  if (!fit.ok()) {
    std::string refused = next.ok() ? next->fingerprint : std::string(fit.message());
    if (refused == last_refused_) return CertificatePoll::kUnchanged;
    last_refused_ = std::move(refused);
    observer_(CertificatePoll::kRefused, fit, not_after());
    return CertificatePoll::kRefused;
  }
  last_refused_.clear();
  current_.Replace(*std::move(next));
  observer_(CertificatePoll::kReloaded, absl::OkStatus(), not_after());
  return CertificatePoll::kReloaded;
}

}  // namespace claviger
