#include "server/transport/certificate_reloader.h"

#include <openssl/ssl.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/server/transport/echo_server.h"
#include "tests/unit/server/transport/test_certificates.h"
#include "tests/unit/server/transport/tls_client.h"

namespace claviger {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class CertificateReloaderTest : public ::testing::Test {
 protected:
  void Start(ClientAuth client_auth) {
    Install(first_);
    auto reloader = CertificateReloader::Create(
        {.files = files_, .client_auth = client_auth}, clock_,
        [this](CertificatePoll outcome, const absl::Status& status, absl::Time) {
          outcomes_.push_back(outcome);
          last_problem_ = std::string(status.message());
        });
    ASSERT_TRUE(reloader.ok()) << reloader.status();
    reloader_ = *std::move(reloader);
    server_ = std::make_unique<EchoServer>("127.0.0.1:0", reloader_->NewCredentials());
  }

  // Writes the pair where the server looks for it.
  void Install(const TestCertificate& certificate) {
    files_.certificate = dir_.Write("cert.pem", certificate.certificate_pem());
    files_.key = dir_.Write("key.pem", certificate.key_pem());
    files_.client_ca = dir_.Write("ca.pem", root_.certificate_pem());
  }

  TestCertificate Server(const std::string& name) const {
    return root_.Issue({.common_name = name, .sans = "DNS:localhost"});
  }

  // The name in the certificate that a new connection sees; empty when it is refused.
  std::string Served(const TestCertificate* client = nullptr) {
    const auto answer = ConnectTls(server_->port(), {.certificate = client});
    return answer.has_value() ? answer->server_common_name : "";
  }

  absl::StatusOr<Peer> Call(const TestCertificate* client) {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = root_.certificate_pem();
    if (client != nullptr) {
      options.pem_cert_chain = client->certificate_pem();
      options.pem_private_key = client->key_pem();
    }
    return server_->Call("127.0.0.1:" + std::to_string(server_->port()),
                         grpc::SslCredentials(options));
  }

  const TestCertificate root_ =
      TestCertificate::SelfSigned({.common_name = "root", .is_authority = true});
  const TestCertificate stranger_ =
      TestCertificate::SelfSigned({.common_name = "stranger", .is_authority = true});
  const TestCertificate first_ = Server("first");
  const TestCertificate client_ =
      root_.Issue({.common_name = "client",
                   .sans = "DNS:billing.internal,URI:spiffe://example/ns/billing,IP:10.1.2.3,"
                           "email:ops@example.com"});
  TempDir dir_;
  TlsFiles files_;
  FakeClock clock_{absl::Now()};
  std::vector<CertificatePoll> outcomes_;
  std::string last_problem_;
  std::unique_ptr<CertificateReloader> reloader_;
  std::unique_ptr<EchoServer> server_;
};

TEST_F(CertificateReloaderTest, ServesOverTls13AndTls12WithAeadOnly) {
  Start(ClientAuth::kNone);
  EXPECT_EQ(ConnectTls(server_->port())->version, "TLSv1.3");
  const auto tls12 = ConnectTls(server_->port(), {.max_version = TLS1_2_VERSION});
  ASSERT_TRUE(tls12.has_value());
  EXPECT_EQ(tls12->version, "TLSv1.2");
  EXPECT_THAT(tls12->cipher, HasSubstr("GCM"));
}

TEST_F(CertificateReloaderTest, RefusesOldVersionsAndWeakSuites) {
  Start(ClientAuth::kNone);
  EXPECT_FALSE(ConnectTls(server_->port(), {.max_version = TLS1_1_VERSION}).has_value());
  for (const char* ciphers : {"ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA", "AES128-SHA",
                              "ECDHE-ECDSA-AES128-CCM8"}) {
    EXPECT_FALSE(ConnectTls(server_->port(), {.max_version = TLS1_2_VERSION, .ciphers = ciphers})
                     .has_value())
        << ciphers;
  }
}

TEST_F(CertificateReloaderTest, NewConnectionsSeeTheNewCertificate) {
  Start(ClientAuth::kNone);
  EXPECT_EQ(Served(), "first");
  EXPECT_EQ(reloader_->Poll(), CertificatePoll::kUnchanged);
  for (const std::string name : {"second", "third"}) {
    Install(Server(name));
    EXPECT_EQ(reloader_->Poll(), CertificatePoll::kReloaded);
    EXPECT_EQ(Served(), name);
    EXPECT_EQ(Served(), name);
  }
  EXPECT_EQ(reloader_->Poll(), CertificatePoll::kUnchanged);
  EXPECT_THAT(outcomes_, ElementsAre(CertificatePoll::kReloaded, CertificatePoll::kReloaded));
}

TEST_F(CertificateReloaderTest, ABadPairIsRefusedOnceAndTheOldOneServes) {
  Start(ClientAuth::kNone);
  dir_.Write("key.pem", Server("other").key_pem());
  EXPECT_EQ(reloader_->Poll(), CertificatePoll::kRefused);
  EXPECT_THAT(last_problem_, HasSubstr("does not belong to the certificate"));
  EXPECT_EQ(reloader_->Poll(), CertificatePoll::kUnchanged);
  EXPECT_EQ(Served(), "first");
  EXPECT_THAT(outcomes_, ElementsAre(CertificatePoll::kRefused));
}

TEST_F(CertificateReloaderTest, EveryKindOfBadPairIsRefused) {
  Start(ClientAuth::kNone);
  const auto other = Server("other");
  const auto expired =
      root_.Issue({.common_name = "old", .not_after = absl::Now() - absl::Hours(1)});
  const struct {
    std::string certificate;
    std::string key;
    unsigned key_mode;
  } kCases[] = {
      {other.certificate_pem(), first_.key_pem(), 0600},
      {"", other.key_pem(), 0600},
      {other.certificate_pem(), "", 0600},
      {other.certificate_pem().substr(0, 300), other.key_pem(), 0600},
      {other.certificate_pem(), other.key_pem(), 0644},
      {expired.certificate_pem(), expired.key_pem(), 0600},
  };
  for (const auto& [certificate, key, key_mode] : kCases) {
    dir_.Write("cert.pem", certificate);
    dir_.Write("key.pem", key, key_mode);
    EXPECT_EQ(reloader_->Poll(), CertificatePoll::kRefused) << last_problem_;
    EXPECT_EQ(Served(), "first");
  }
  Install(other);
  EXPECT_EQ(reloader_->Poll(), CertificatePoll::kReloaded);
  EXPECT_EQ(Served(), "other");
}

TEST_F(CertificateReloaderTest, AMissingFileLeavesTheOldOneServing) {
  Start(ClientAuth::kNone);
  std::filesystem::remove(files_.certificate);
  EXPECT_EQ(reloader_->Poll(), CertificatePoll::kRefused);
  EXPECT_EQ(Served(), "first");
  Install(first_);
  EXPECT_EQ(reloader_->Poll(), CertificatePoll::kUnchanged);
}

TEST_F(CertificateReloaderTest, ACertificateRefusedForItsDateIsTakenWhenTheTimeComes) {
  Start(ClientAuth::kNone);
  Install(root_.Issue({.common_name = "later", .not_before = clock_.Now() + absl::Hours(2)}));
  EXPECT_EQ(reloader_->Poll(), CertificatePoll::kRefused);
  clock_.Advance(absl::Hours(3));
  EXPECT_EQ(reloader_->Poll(), CertificatePoll::kReloaded);
  EXPECT_EQ(Served(), "later");
}

TEST_F(CertificateReloaderTest, CreateRefusesABadPair) {
  Install(first_);
  dir_.Write("key.pem", client_.key_pem());
  const auto reloader = CertificateReloader::Create({.files = files_}, clock_, nullptr);
  EXPECT_THAT(std::string(reloader.status().message()), HasSubstr("does not belong"));
}

TEST_F(CertificateReloaderTest, TwoPortsBothFollow) {
  Start(ClientAuth::kNone);
  EchoServer second_port("127.0.0.1:0", reloader_->NewCredentials());
  Install(Server("second"));
  EXPECT_EQ(reloader_->Poll(), CertificatePoll::kReloaded);
  EXPECT_EQ(Served(), "second");
  EXPECT_EQ(ConnectTls(second_port.port())->server_common_name, "second");
}

TEST_F(CertificateReloaderTest, NoCallFailsWhileCertificatesRotate) {
  Start(ClientAuth::kRequire);
  std::atomic<bool> stop = false;
  std::atomic<int> failed = 0;
  std::atomic<int> succeeded = 0;
  std::thread caller([&] {
    while (!stop || succeeded == 0) Call(&client_).ok() ? ++succeeded : ++failed;
  });
  for (int i = 0; i < 30; ++i) {
    if (i % 5 == 4) {
      dir_.Write("key.pem", stranger_.key_pem());
      EXPECT_EQ(reloader_->Poll(), CertificatePoll::kRefused);
    } else {
      Install(Server("number " + std::to_string(i)));
      EXPECT_EQ(reloader_->Poll(), CertificatePoll::kReloaded);
    }
    EXPECT_TRUE(Call(&client_).ok());
  }
  stop = true;
  caller.join();
  EXPECT_EQ(failed, 0);
  EXPECT_GT(succeeded, 0);
}

TEST_F(CertificateReloaderTest, RequireRefusesClientsWithoutAGoodCertificate) {
  Start(ClientAuth::kRequire);
  EXPECT_EQ(Served(&client_), "first");
  EXPECT_EQ(Served(nullptr), "");
  EXPECT_EQ(Served(&stranger_), "");
  const auto expired =
      root_.Issue({.common_name = "old", .not_after = absl::Now() - absl::Hours(1)});
  EXPECT_EQ(Served(&expired), "");
  EXPECT_TRUE(absl::IsUnavailable(Call(nullptr).status()));
}

TEST_F(CertificateReloaderTest, OptionalTakesNoCertificateButNoBadOne) {
  Start(ClientAuth::kOptional);
  EXPECT_EQ(Served(&client_), "first");
  EXPECT_EQ(Served(nullptr), "first");
  EXPECT_EQ(Served(&stranger_), "");
  const auto peer = Call(nullptr);
  ASSERT_TRUE(peer.ok()) << peer.status();
  EXPECT_THAT(peer->sans, IsEmpty());
}

TEST_F(CertificateReloaderTest, ClientAuthoritiesRotateAsWell) {
  Start(ClientAuth::kRequire);
  EXPECT_EQ(Served(&stranger_), "");
  dir_.Write("ca.pem", stranger_.certificate_pem());
  EXPECT_EQ(reloader_->Poll(), CertificatePoll::kReloaded);
  EXPECT_EQ(Served(&stranger_), "first");
  EXPECT_EQ(Served(&client_), "");
}

TEST_F(CertificateReloaderTest, TheCallSeesTheNamesOfTheClientCertificate) {
  Start(ClientAuth::kRequire);
  const auto peer = Call(&client_);
  ASSERT_TRUE(peer.ok()) << peer.status();
  EXPECT_EQ(peer->address, "127.0.0.1");
  EXPECT_THAT(peer->sans,
              UnorderedElementsAre("dns:billing.internal", "uri:spiffe://example/ns/billing",
                                   "ip:10.1.2.3", "email:ops@example.com"));
}

TEST_F(CertificateReloaderTest, ACertificateThatWasNotAskedForNamesNobody) {
  Start(ClientAuth::kNone);
  const auto peer = Call(&client_);
  ASSERT_TRUE(peer.ok()) << peer.status();
  EXPECT_THAT(peer->sans, IsEmpty());
}

}  // namespace
}  // namespace claviger
