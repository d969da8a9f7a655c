// TLS, client certificates and the map that makes callers of them.

#include <cstdlib>
#include <filesystem>

#include "grpcpp/security/credentials.h"
#include "tests/integration/every_call.h"

namespace claviger {
namespace {

using ::testing::HasSubstr;

// A certificate authority with what it signed, made by the openssl program.
class Certificates {
 public:
  explicit Certificates(const TempDir& dir) : dir_(dir) {
    Run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ca "
        "-keyout ca.key -out ca.crt");
    Sign("server", "IP:127.0.0.1");
    Sign("billing", "DNS:billing.internal,URI:spiffe://example/billing");
    Sign("stranger", "DNS:stranger.internal");
  }

  std::string Path(const std::string& name) const { return dir_.Join(name); }

  // Credentials of a client that shows the certificate `name`; empty: none.
  std::shared_ptr<grpc::ChannelCredentials> Client(const std::string& name) const {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = ReadFile(Path("ca.crt"));
    if (!name.empty()) {
      options.pem_private_key = ReadFile(Path(name + ".key"));
      options.pem_cert_chain = ReadFile(Path(name + ".crt"));
    }
    return grpc::SslCredentials(options);
  }

 private:
  void Sign(const std::string& name, const std::string& san) {
    dir_.Write(name + ".ext", "subjectAltName=" + san + "\n");
    Run("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=" + name + " -keyout " +
        name + ".key -out " + name + ".csr");
    Run("x509 -req -in " + name +
        ".csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile " + name + ".ext -out " +
        name + ".crt");
    std::filesystem::permissions(Path(name + ".key"), std::filesystem::perms(0600));
  }

  void Run(const std::string& arguments) const {
    const std::string command =
        "cd '" + dir_.path() + "' && openssl " + arguments + " >openssl.log 2>&1";
    ASSERT_EQ(std::system(command.c_str()), 0) << arguments << ReadFile(Path("openssl.log"));
  }

  const TempDir& dir_;
};

class TlsTest : public testing::Test {
 protected:
  TlsTest() : certificates_(files_) {
    // The certificates are of today.
    server_.clock().SetNow(absl::Now());
    // The first start, in dev mode, makes pepper and root key.
    EXPECT_EQ(server_.Start(), absl::OkStatus());
    server_.Stop();
    ServerConfig& config = server_.config();
    config.dev = false;
    config.listen.insecure = false;
    config.tls.files = {certificates_.Path("server.crt"), certificates_.Path("server.key"),
                        certificates_.Path("ca.crt")};
    config.callers.caller_map = files_.Join("callers.json");
    MapBilling(R"("permissions": ["keys.read", "keys.verify"])");
  }

  void MapBilling(const std::string& powers) {
    files_.Write("callers.json",
                 R"({"callers": [{"san": "dns:billing.internal", )" + powers + "}]}");
  }

  TestCaller With(const std::string& certificate, const std::string& key = "") {
    return {server_.NewChannel(certificates_.Client(certificate)), key};
  }

  TempDir files_;
  Certificates certificates_;
  TestServer server_;
  v1::ListKeysRequest request_;
};

TEST_F(TlsTest, ACertificateInTheMapIsACallerWithItsPermissions) {
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  const TestCaller billing = With("billing");
  EXPECT_THAT(billing.Call(request_), IsOk());
  for (const AnyCall& call : EveryCallAbout("00nosuchkey00000", "default", "x")) {
    const grpc::Status status = billing.Send(*call.request);
    if (call.permission == "keys.read" || call.permission == "keys.verify") {
      EXPECT_NE(status.error_code(), StatusCode::PERMISSION_DENIED) << call.name();
    } else {
      EXPECT_THAT(status, IsError(StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"))
          << call.name();
    }
  }
}

TEST_F(TlsTest, ACertificateOutsideOfTheMapIsNobody) {
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  EXPECT_THAT(With("stranger").Call(request_),
              IsError(StatusCode::UNAUTHENTICATED, "CREDENTIAL_MISSING"));
}

TEST_F(TlsTest, AKeyWorksBesideACertificate) {
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  EXPECT_THAT(With("stranger", server_.root_key()).Call(request_), IsOk());
}

TEST_F(TlsTest, AWrongKeyIsNotMadeGoodByACertificate) {
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  EXPECT_THAT(With("billing", "clv_live_wrong").Call(request_),
              IsError(StatusCode::UNAUTHENTICATED, "CREDENTIAL_INVALID"));
}

TEST_F(TlsTest, WithoutACertificateNobodyGetsThroughByDefault) {
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  EXPECT_EQ(With("", server_.root_key()).Call(request_).status.error_code(),
            StatusCode::UNAVAILABLE);
}

TEST_F(TlsTest, WhereCertificatesAreOptionalAKeyIsEnough) {
  server_.config().tls.client_auth = ClientAuth::kOptional;
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  EXPECT_THAT(With("", server_.root_key()).Call(request_), IsOk());
  EXPECT_THAT(With("billing").Call(request_), IsOk());
  EXPECT_THAT(With("").Call(request_), IsError(StatusCode::UNAUTHENTICATED, "CREDENTIAL_MISSING"));
}

TEST_F(TlsTest, PlaintextIsNotUnderstood) {
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  EXPECT_EQ(server_.Root().Call(request_).status.error_code(), StatusCode::UNAVAILABLE);
}

TEST_F(TlsTest, ABindingInTheMapHolds) {
  MapBilling(R"("permissions": ["keys.issue", "projects.read"], "projectIds": ["default"])");
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  v1::IssueKeyRequest issue;
  issue.set_project_id("default");
  issue.set_display_name("a key");
  const auto issued = With("billing").Call(issue);
  ASSERT_THAT(issued, IsOk());
  EXPECT_EQ(issued->info().created_by(), "cert:dns:billing.internal");
  issue.set_project_id("claviger");
  EXPECT_THAT(With("billing").Call(issue), IsError(StatusCode::NOT_FOUND, "PROJECT_NOT_FOUND"));
  EXPECT_EQ(With("billing").Call(v1::ListProjectsRequest())->projects_size(), 1);
}

TEST_F(TlsTest, ACertificateCannotGiveWhatItLacks) {
  MapBilling(R"("permissions": ["keys.issue"])");
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  v1::IssueKeyRequest issue;
  issue.set_project_id("claviger");
  issue.set_display_name("a key");
  issue.add_scopes("keys.read");
  EXPECT_THAT(With("billing").Call(issue),
              IsError(StatusCode::PERMISSION_DENIED, "PRIVILEGE_ESCALATION"));
}

TEST_F(TlsTest, AReloadedMapHoldsForTheNextCall) {
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  const TestCaller billing = With("billing");
  EXPECT_THAT(billing.Call(request_), IsOk());
  MapBilling(R"("permissions": ["keys.verify"])");
  server_.Reload();
  EXPECT_THAT(billing.Call(request_), IsError(StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"));
}

TEST_F(TlsTest, ABadMapLeavesTheOldOne) {
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  MapBilling(R"("permissions": ["keys.fly"])");
  server_.Reload();
  EXPECT_THAT(With("billing").Call(request_), IsOk());
  EXPECT_THAT(TestServer::LogLines(), testing::Contains(HasSubstr("keys.fly")));
}

TEST_F(TlsTest, AMapThatIsTakenAwayMakesNobodyACaller) {
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  server_.config().callers.caller_map.clear();
  server_.Reload();
  EXPECT_THAT(With("billing").Call(request_),
              IsError(StatusCode::UNAUTHENTICATED, "CREDENTIAL_MISSING"));
}

TEST_F(TlsTest, AKeyThatIsNotTheCertificatesRefusesToStart) {
  server_.config().tls.files.key = certificates_.Path("billing.key");
  const absl::Status status = server_.Start();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("billing.key"));
}

}  // namespace
}  // namespace claviger
