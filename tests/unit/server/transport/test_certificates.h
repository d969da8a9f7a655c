// Keys and certificates for tests, made in memory.
#ifndef CLAVIGER_TESTS_UNIT_SERVER_TRANSPORT_TEST_CERTIFICATES_H_
#define CLAVIGER_TESTS_UNIT_SERVER_TRANSPORT_TEST_CERTIFICATES_H_

#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"

struct evp_pkey_st;
struct x509_st;

namespace claviger {

// What a certificate says.
struct CertificateSpec {
  std::string common_name = "";
  // As openssl's configuration writes them, e.g. `DNS:a.example,IP:127.0.0.1`; empty: none.
  std::string sans = "";
  absl::Time not_before = absl::Now() - absl::Hours(1);
  absl::Time not_after = absl::Now() + absl::Hours(24);
  bool is_authority = false;
};

// A certificate and its P-256 key.
//
// Thread safety: a value type.
class TestCertificate {
 public:
  // Signs itself.
  static TestCertificate SelfSigned(const CertificateSpec& spec);
  // Signed by this one.
  TestCertificate Issue(const CertificateSpec& spec) const;

  const std::string& certificate_pem() const { return certificate_pem_; }
  const std::string& key_pem() const { return key_pem_; }
  // The key, encrypted with a passphrase.
  std::string EncryptedKeyPem() const;

 private:
  TestCertificate(const CertificateSpec& spec, const TestCertificate* issuer);

  std::shared_ptr<evp_pkey_st> key_;
  std::shared_ptr<x509_st> certificate_;
  std::string certificate_pem_;
  std::string key_pem_;
};

}  // namespace claviger

#endif  // CLAVIGER_TESTS_UNIT_SERVER_TRANSPORT_TEST_CERTIFICATES_H_
