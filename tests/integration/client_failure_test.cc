// What a check answers when the authority cannot be reached, or will not answer; and how a client
// ends.

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "tests/integration/client_test.h"

namespace claviger {
namespace {

using ::testing::HasSubstr;

// The server's default, and more than a verifier may count on.
constexpr absl::Duration kLease = absl::Seconds(3);

class ClientFailureTest : public ClientTest {
 protected:
  // A check that tries again and again, on a clock that runs.
  Decision CheckInVain(client::Core& client, const std::string& key) {
    Decision decision;
    WhileTimePasses([&] { decision = client.Check(key, {}); });
    return decision;
  }
};

TEST_F(ClientFailureTest, WithoutTheAuthorityAKeyIsGoodUntilTheLeaseEnds) {
  const std::string key = Issue().key();
  const auto client = ConnectOnServersClock(Options());
  ASSERT_TRUE(client->Check(key, {}).valid());
  server_.Stop();
  EXPECT_TRUE(client->Check(key, {}).from_cache());
  server_.clock().Advance(kLease);
  const Decision decision = CheckInVain(*client, key);
  EXPECT_EQ(decision.code(), DecisionCode::kUnavailable);
  EXPECT_FALSE(decision.grant());
  EXPECT_NE(decision.detail(), "");
  client->Close();
}

TEST_F(ClientFailureTest, StaleOnErrorKeepsAKeyGoodForLonger) {
  const std::string key = Issue().key();
  const std::string other = Issue().key();
  ClientOptions options = Options();
  options.stale_on_error = absl::Seconds(30);
  const auto client = ConnectOnServersClock(std::move(options));
  ASSERT_TRUE(client->Check(key, {}).valid());
  server_.Stop();
  server_.clock().Advance(kLease);
  const Decision decision = CheckInVain(*client, key);
  EXPECT_TRUE(decision.valid());
  EXPECT_TRUE(decision.stale());
  EXPECT_EQ(CheckInVain(*client, other).code(), DecisionCode::kUnavailable) << "never seen";
  server_.clock().Advance(absl::Seconds(30));
  EXPECT_EQ(CheckInVain(*client, key).code(), DecisionCode::kUnavailable);
  client->Close();
}

TEST_F(ClientFailureTest, AClientStartsWithoutAnAuthority) {
  const std::string key = Issue().key();
  ClientOptions options = Options();
  server_.Stop();
  const absl::StatusOr<std::unique_ptr<Client>> client = Client::Create(std::move(options));
  ASSERT_EQ(client.status(), absl::OkStatus());
  EXPECT_FALSE((*client)->WaitForLease(absl::ZeroDuration()));
  EXPECT_EQ((*client)->Check(key).code(), DecisionCode::kUnavailable);
  EXPECT_FALSE((*client)->state().connected);
}

TEST_F(ClientFailureTest, AnotherEndpointIsTried) {
  const std::string key = Issue().key();
  ClientOptions options = Options();
  // Whichever of them is the first. Nobody listens on port 1.
  options.endpoints = {"127.0.0.1:1", server_.grpc_address(), "127.0.0.1:1"};
  const auto client = Connect(std::move(options));
  EXPECT_TRUE(client->Check(key).valid());
  EXPECT_TRUE(client->Check(key).from_cache());
}

TEST_F(ClientFailureTest, ACredentialThatIsRefusedLetsNobodyIn) {
  const std::string key = Issue().key();
  const std::string not_a_verifier = IssueManagementKey({"keys.read"}).key();
  const std::string revoked = [this] {
    const IssuedKey issued = IssueManagementKey({"keys.verify"});
    Revoke(issued.info().key_id());
    return issued.key();
  }();
  for (const std::string& credential : {not_a_verifier, revoked, key}) {
    ClientOptions options = Options();
    options.key = SecretString(std::string(credential));
    const absl::StatusOr<std::unique_ptr<Client>> client = Client::Create(std::move(options));
    ASSERT_EQ(client.status(), absl::OkStatus());
    const Decision decision = (*client)->Check(key);
    EXPECT_EQ(decision.code(), DecisionCode::kUnavailable);
    EXPECT_EQ(std::string(decision.detail()).find(credential), std::string::npos);
  }
}

TEST_F(ClientFailureTest, ACredentialThatIsRevokedEndsTheLease) {
  const std::string key = Issue().key();
  const IssuedKey credential = IssueManagementKey({"keys.verify"});
  ClientOptions options = Options();
  options.key = SecretString(std::string(credential.key()));
  const auto client = ConnectOnServersClock(std::move(options));
  ASSERT_TRUE(client->Check(key, {}).valid());
  // Waits for the lease of the stream that it ends.
  WhileTimePasses([&] { Revoke(credential.info().key_id()); });
  EXPECT_EQ(client->Check(key, {}).code(), DecisionCode::kUnavailable);
  client->Close();
}

TEST_F(ClientFailureTest, AfterARestartOfTheAuthorityTheLeaseComesBack) {
  const std::string key = Issue().key();
  server_.config().listen.grpc = *ListenAddress::Parse(server_.grpc_address());
  const auto observer = std::make_shared<LeaseObserver>();
  ClientOptions options = Options();
  options.observer = observer;
  const auto client = ConnectOnServersClock(std::move(options));
  ASSERT_TRUE(client->Check(key, {}).valid());
  server_.Stop();
  server_.clock().Advance(kLease);
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  WhileTimePasses([&] { EXPECT_TRUE(observer->WaitForAnother()); });
  EXPECT_TRUE(client->Check(key, {}).from_cache()) << "resumed: nothing was forgotten";
  WhileTimePasses([&] { Revoke(key.substr(9, 16)); });
  EXPECT_EQ(client->Check(key, {}).code(), DecisionCode::kRevoked);
  client->Close();
}

TEST_F(ClientFailureTest, AFileThatIsNotFitIsNamed) {
  const struct {
    const char* contents;
    const char* message;
  } kCases[] = {
      {"", "key_file: "},
      {"not a key", "key_file: must be a management key"},
  };
  for (const auto& [contents, message] : kCases) {
    ClientOptions options = Options();
    options.key = SecretString();
    options.key_file = server_.dir().Write("key", contents);
    const auto client = Client::Create(std::move(options));
    EXPECT_EQ(client.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(client.status().message()), HasSubstr(message));
  }
  ClientOptions missing = Options();
  missing.key = SecretString();
  missing.key_file = server_.dir().Join("nowhere");
  EXPECT_EQ(Client::Create(std::move(missing)).status().code(), absl::StatusCode::kNotFound);
  ClientOptions pem = Options();
  pem.plaintext = false;
  pem.tls.ca_file = server_.dir().Write("ca.pem", "not PEM");
  EXPECT_THAT(std::string(Client::Create(std::move(pem)).status().message()),
              HasSubstr("tls.ca_file: "));
}

TEST_F(ClientFailureTest, AKeyFileMayEndWithALineEnd) {
  ClientOptions options = Options();
  options.key = SecretString();
  options.key_file = server_.dir().Write("key", server_.root_key() + "\r\n");
  EXPECT_NE(Connect(std::move(options)), nullptr);
}

TEST_F(ClientFailureTest, CloseEndsChecksThatWaitAndAllLaterOnes) {
  const std::string key = Issue().key();
  ClientOptions options = Options();
  // Nobody answers there: it listens, and never accepts.
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  options.endpoints = {"127.0.0.1:" + std::to_string(ntohs(address.sin_port))};
  auto client = Client::Create(std::move(options));
  ASSERT_EQ(client.status(), absl::OkStatus());
  constexpr int kChecks = 10;
  std::vector<std::optional<Decision>> decisions(kChecks);
  for (auto& decision : decisions) {
    (*client)->CheckAsync(key, {}, [&decision](Decision got) { decision = std::move(got); });
  }
  std::thread waiting([&] { EXPECT_FALSE((*client)->Check(key).valid()); });
  (*client)->Close();
  waiting.join();
  for (const auto& decision : decisions) {
    ASSERT_TRUE(decision.has_value());
    EXPECT_EQ(decision->code(), DecisionCode::kUnavailable);
  }
  EXPECT_EQ((*client)->Check(key).code(), DecisionCode::kUnavailable);
  (*client)->Close();
  close(listener);
}

TEST_F(ClientFailureTest, AClosedClientTrustsItsCacheNoMore) {
  const std::string key = Issue().key();
  const auto client = Connect();
  ASSERT_TRUE(client->Check(key).valid());
  client->Close();
  EXPECT_EQ(client->Check(key).code(), DecisionCode::kUnavailable);
  EXPECT_FALSE(client->state().lease_live);
}

TEST_F(ClientFailureTest, AClientMayBeDestroyedInACallback) {
  const std::string key = Issue().key();
  std::unique_ptr<Client> client = Connect();
  absl::Notification done;
  client->CheckAsync(key, {}, [&](Decision) {
    client.reset();
    done.Notify();
  });
  ASSERT_TRUE(done.WaitForNotificationWithTimeout(kPatience));
}

}  // namespace
}  // namespace claviger
