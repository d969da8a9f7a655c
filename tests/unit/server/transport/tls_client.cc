#include "tests/unit/server/transport/tls_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>

#include "gtest/gtest.h"

namespace claviger {
namespace {

void UseCertificate(SSL_CTX* context, const TestCertificate& certificate) {
  const std::unique_ptr<BIO, int (*)(BIO*)> certificate_bio(
      BIO_new_mem_buf(certificate.certificate_pem().data(), -1), &BIO_free);
  const std::unique_ptr<BIO, int (*)(BIO*)> key_bio(
      BIO_new_mem_buf(certificate.key_pem().data(), -1), &BIO_free);
  const std::unique_ptr<X509, void (*)(X509*)> x509(
      PEM_read_bio_X509(certificate_bio.get(), nullptr, nullptr, nullptr), &X509_free);
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(
      PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
  EXPECT_EQ(SSL_CTX_use_certificate(context, x509.get()), 1);
  EXPECT_EQ(SSL_CTX_use_PrivateKey(context, key.get()), 1);
}

int Connect(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  return fd;
}

std::string CommonName(const X509* certificate) {
  char name[256] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof(name));
  return name;
}

}  // namespace

std::optional<TlsAnswer> ConnectTls(uint16_t port, const TlsClientOptions& options) {
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_client_method()),
                                                             &SSL_CTX_free);
  SSL_CTX_set_security_level(context.get(), 0);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context.get(), options.max_version);
  if (!options.ciphers.empty()) {
    EXPECT_EQ(SSL_CTX_set_cipher_list(context.get(), options.ciphers.c_str()), 1);
  }
  if (options.certificate != nullptr) UseCertificate(context.get(), *options.certificate);
  constexpr unsigned char kHttp2[] = {2, 'h', '2'};
  SSL_CTX_set_alpn_protos(context.get(), kHttp2, sizeof(kHttp2));

  const int fd = Connect(port);
  const std::unique_ptr<SSL, void (*)(SSL*)> ssl(SSL_new(context.get()), &SSL_free);
  SSL_set_fd(ssl.get(), fd);
  std::optional<TlsAnswer> answer;
  char first = 0;
  if (SSL_connect(ssl.get()) == 1 && SSL_read(ssl.get(), &first, 1) == 1) {
    answer = TlsAnswer{.server_common_name = CommonName(SSL_get0_peer_certificate(ssl.get())),
                       .version = SSL_get_version(ssl.get()),
                       .cipher = SSL_get_cipher_name(ssl.get())};
  }
  ERR_clear_error();
  close(fd);
  return answer;
}

}  // namespace claviger
