#include "server/transport/reloadable_credentials.h"

#include <string>
#include <utility>

#include "core/secret.h"
#include "grpc/grpc.h"
#include "grpc/support/log.h"

namespace claviger {
namespace {

grpc_ssl_client_certificate_request_type RequestType(ClientAuth client_auth) {
  switch (client_auth) {
    case ClientAuth::kRequire:
      return GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
    case ClientAuth::kOptional:
      return GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY;
    case ClientAuth::kNone:
      return GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE;
  }
  return GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
}

// Gives gRPC's C credentials to its C++ server.
class ReloadableCredentials final : public grpc::ServerCredentials {
 public:
  ReloadableCredentials(ClientAuth client_auth, TlsIdentityFetcher& fetcher)
      : credentials_(grpc_ssl_server_credentials_create_with_options(
            grpc_ssl_server_credentials_create_options_using_config_fetcher(
                RequestType(client_auth), &TlsIdentityFetcher::Fetch, &fetcher))) {}
  ~ReloadableCredentials() override { grpc_server_credentials_release(credentials_); }

  // Callers are recognised by the calls' own code.
  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {
    GPR_ASSERT(false && "not supported by these credentials");
  }

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  grpc_server_credentials* const credentials_;
};

}  // namespace

CurrentTlsIdentity::CurrentTlsIdentity(TlsIdentity first) {
  current_ = {std::make_shared<const TlsIdentity>(std::move(first)), 1};
}

void CurrentTlsIdentity::Replace(TlsIdentity next) {
  auto identity = std::make_shared<const TlsIdentity>(std::move(next));
  absl::MutexLock lock(&mutex_);
  current_ = {std::move(identity), current_.version + 1};
}

CurrentTlsIdentity::Versioned CurrentTlsIdentity::Get() const {
  absl::MutexLock lock(&mutex_);
  return current_;
}

grpc_ssl_certificate_config_reload_status TlsIdentityFetcher::Fetch(
    void* self, grpc_ssl_server_certificate_config** config) {
  auto& fetcher = *static_cast<TlsIdentityFetcher*>(self);
  const auto [identity, version] = fetcher.current_.Get();
  if (fetcher.given_version_.exchange(version) == version) {
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
  }
  std::string key(identity->private_key.ExposeSecret());
  const grpc_ssl_pem_key_cert_pair pair = {.private_key = key.c_str(),
                                           .cert_chain = identity->certificate_chain.c_str()};
  // gRPC insists on authorities even where it asks clients for no certificate, and then does not
  // use them.
  const std::string& authorities =
      identity->client_ca.empty() ? identity->certificate_chain : identity->client_ca;
  *config = grpc_ssl_server_certificate_config_create(authorities.c_str(), &pair, 1);
  CleanseString(key);
  return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
}

std::shared_ptr<grpc::ServerCredentials> MakeReloadableCredentials(ClientAuth client_auth,
                                                                   TlsIdentityFetcher& fetcher) {
  return std::make_shared<ReloadableCredentials>(client_auth, fetcher);
}

}  // namespace claviger
