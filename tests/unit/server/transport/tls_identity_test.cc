#include "server/transport/tls_identity.h"

#include <string>

#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/server/transport/test_certificates.h"

namespace claviger {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class TlsIdentityTest : public ::testing::Test {
 protected:
  TlsIdentityTest() {
    WriteCertificate(server_.certificate_pem());
    WriteKey(server_.key_pem());
    WriteClientCa(root_.certificate_pem());
  }

  void WriteCertificate(const std::string& pem, unsigned mode = 0644) {
    files_.certificate = dir_.Write("cert.pem", pem, mode);
  }
  void WriteKey(const std::string& pem, unsigned mode = 0600) {
    files_.key = dir_.Write("key.pem", pem, mode);
  }
  void WriteClientCa(const std::string& pem) { files_.client_ca = dir_.Write("ca.pem", pem); }

  absl::StatusOr<TlsIdentity> Load(ClientAuth client_auth = ClientAuth::kRequire) {
    auto identity = ReadTlsFiles(files_, client_auth);
    if (!identity.ok()) return identity.status();
    const absl::Status fit = CheckTlsIdentity(files_, client_auth, absl::Now(), *identity);
    if (!fit.ok()) return fit;
    return identity;
  }
  // Why they are refused.
  std::string Problem(ClientAuth client_auth = ClientAuth::kRequire) {
    const auto identity = Load(client_auth);
    EXPECT_TRUE(absl::IsInvalidArgument(identity.status())) << identity.status();
    EXPECT_EQ(DetailsOf(identity.status()).reason, Reason::kConfigInvalid);
    return std::string(identity.status().message());
  }

  const TestCertificate root_ =
      TestCertificate::SelfSigned({.common_name = "root", .is_authority = true});
  const TestCertificate intermediate_ =
      root_.Issue({.common_name = "intermediate", .is_authority = true});
  const TestCertificate server_ = root_.Issue({.common_name = "server"});
  TempDir dir_;
  TlsFiles files_;
};

TEST_F(TlsIdentityTest, TakesAMatchingPair) {
  const auto identity = Load();
  ASSERT_TRUE(identity.ok()) << identity.status();
  EXPECT_GT(identity->not_after, absl::Now());
  EXPECT_EQ(identity->private_key.ExposeSecret(), server_.key_pem());
}

TEST_F(TlsIdentityTest, TakesAChainInOrder) {
  const auto leaf = intermediate_.Issue({.common_name = "leaf"});
  WriteKey(leaf.key_pem());
  WriteCertificate(leaf.certificate_pem() + intermediate_.certificate_pem());
  EXPECT_TRUE(Load().ok()) << Load().status();
  WriteCertificate(leaf.certificate_pem() + root_.certificate_pem());
  EXPECT_THAT(Problem(), HasSubstr("is not signed by the one behind it"));
  WriteCertificate(intermediate_.certificate_pem() + leaf.certificate_pem());
  EXPECT_THAT(Problem(), HasSubstr("is not signed by the one behind it"));
}

TEST_F(TlsIdentityTest, RefusesAKeyOfAnotherCertificate) {
  WriteKey(root_.key_pem());
  EXPECT_THAT(Problem(), HasSubstr("key.pem: does not belong to the certificate in"));
}

TEST_F(TlsIdentityTest, RefusesAKeyThatOthersMayAccess) {
  for (const unsigned mode : {0644u, 0604u, 0602u}) {
    WriteKey(server_.key_pem(), mode);
    EXPECT_THAT(Problem(), HasSubstr("chmod 0600 or 0640")) << mode;
  }
  WriteKey(server_.key_pem(), 0640);
  EXPECT_TRUE(Load().ok());
}

TEST_F(TlsIdentityTest, RefusesAnEncryptedKeyWithoutAskingForAPassphrase) {
  WriteKey(server_.EncryptedKeyPem());
  EXPECT_THAT(Problem(), HasSubstr("is no unencrypted PEM private key"));
}

TEST_F(TlsIdentityTest, RefusesWhatIsNoPem) {
  const std::string half = server_.certificate_pem().substr(0, 200);
  for (const std::string& text :
       {std::string(), std::string("garbage"), half, server_.certificate_pem() + half}) {
    WriteCertificate(text);
    EXPECT_THAT(Problem(), HasSubstr("cert.pem: is no PEM certificate chain"));
  }
  WriteCertificate(server_.certificate_pem());
  WriteKey("garbage");
  EXPECT_THAT(Problem(), HasSubstr("key.pem: is no unencrypted PEM private key"));
  WriteKey(server_.key_pem());
  WriteClientCa("garbage");
  EXPECT_THAT(Problem(), HasSubstr("ca.pem: is no PEM bundle of certificates"));
}

TEST_F(TlsIdentityTest, RefusesCertificatesOutsideTheirDates) {
  const auto expired =
      root_.Issue({.common_name = "old", .not_after = absl::Now() - absl::Minutes(1)});
  WriteCertificate(expired.certificate_pem());
  WriteKey(expired.key_pem());
  EXPECT_THAT(Problem(), HasSubstr("ran out at"));
  const auto early =
      root_.Issue({.common_name = "new", .not_before = absl::Now() + absl::Hours(1)});
  WriteCertificate(early.certificate_pem());
  WriteKey(early.key_pem());
  EXPECT_THAT(Problem(), HasSubstr("is not valid before"));
}

TEST_F(TlsIdentityTest, RefusesFilesThatCannotBeRead) {
  for (auto* file : {&files_.certificate, &files_.key, &files_.client_ca}) {
    const auto before = *file;
    *file = dir_.Join("none");
    EXPECT_THAT(Problem(), HasSubstr("none: No such file"));
    *file = dir_.path();
    EXPECT_THAT(Problem(), HasSubstr("is not a regular file"));
    *file = before;
  }
  WriteCertificate(std::string((1 << 20) + 1, 'x'));
  EXPECT_THAT(Problem(), HasSubstr("is over 1 MiB"));
}

TEST_F(TlsIdentityTest, ReadsNoClientCaWhereNoClientShowsACertificate) {
  files_.client_ca.clear();
  EXPECT_TRUE(Load(ClientAuth::kNone).ok());
  EXPECT_FALSE(Load(ClientAuth::kOptional).ok());
}

TEST_F(TlsIdentityTest, FingerprintDiffersWithEachFile) {
  const std::string before = Load()->fingerprint;
  EXPECT_EQ(Load()->fingerprint, before);
  WriteClientCa(root_.certificate_pem() + intermediate_.certificate_pem());
  EXPECT_NE(Load()->fingerprint, before);
  WriteClientCa(root_.certificate_pem());
  WriteKey(server_.key_pem() + "\n");
  EXPECT_NE(Load()->fingerprint, before);
}

TEST_F(TlsIdentityTest, ErrorsDoNotShowTheKey) {
  WriteCertificate(server_.key_pem());
  EXPECT_THAT(Problem(), Not(HasSubstr(server_.key_pem().substr(40, 20))));
}

}  // namespace
}  // namespace claviger
