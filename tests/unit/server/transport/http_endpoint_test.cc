#include "server/transport/http_endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace claviger {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A TCP connection to 127.0.0.1.
class Connection {
 public:
  explicit Connection(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    is_connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~Connection() { close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool is_connected() const { return is_connected_; }
  void Send(const std::string& bytes) {
    EXPECT_EQ(send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // All until the other end closes.
  std::string ReadAll() {
    std::string all;
    char buffer[4096];
    for (ssize_t got = 0; (got = recv(fd_, buffer, sizeof(buffer), 0)) > 0;) {
      all.append(buffer, static_cast<size_t>(got));
    }
    return all;
  }

 private:
  const int fd_;
  bool is_connected_ = false;
};

class HttpEndpointTest : public ::testing::Test {
 protected:
  void Start(HttpOptions options = {}) {
    auto endpoint = HttpEndpoint::Start(
        *ListenAddress::Parse("127.0.0.1:0"),
        {.render_metrics = [this] { return metrics_; },
         .ready =
             [this] {
               return ready_ ? absl::OkStatus() : absl::UnavailableError("the store is read-only");
             },
         .degraded =
             [this] {
               return full_ ? absl::ResourceExhaustedError("the disk is full") : absl::OkStatus();
             },
         .version = "1.2.3"},
        options);
    ASSERT_TRUE(endpoint.ok()) << endpoint.status();
    endpoint_ = *std::move(endpoint);
  }

  std::string Ask(const std::string& request) {
    Connection connection(endpoint_->port());
    connection.Send(request);
    return connection.ReadAll();
  }
  std::string Get(const std::string& path) {
    return Ask("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
  }

  std::string metrics_ = "claviger_up 1\n";
  std::atomic<bool> ready_ = true;
  std::atomic<bool> full_ = false;
  std::unique_ptr<HttpEndpoint> endpoint_;
};

TEST_F(HttpEndpointTest, ServesMetricsInTheTextFormat) {
  Start();
  const std::string reply = Get("/metrics");
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(reply, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(reply, HasSubstr("Content-Length: 14\r\n"));
  EXPECT_THAT(reply, EndsWith("\r\n\r\nclaviger_up 1\n"));
}

TEST_F(HttpEndpointTest, ServesABodyOfMegabytesWhole) {
  metrics_ = std::string(4 << 20, 'm');
  Start();
  EXPECT_THAT(Get("/metrics"), EndsWith("\r\n\r\n" + metrics_));
}

TEST_F(HttpEndpointTest, ReadyzStaysReadyOnAFullDiskAndSaysSo) {
  full_ = true;
  Start();
  EXPECT_THAT(Get("/readyz"), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(Get("/readyz"), EndsWith("\r\n\r\ndegraded: the disk is full\n"));
  ready_ = false;
  EXPECT_THAT(Get("/readyz"), StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
}

TEST_F(HttpEndpointTest, ReadyzSaysWhyNot) {
  Start();
  EXPECT_THAT(Get("/readyz"), StartsWith("HTTP/1.1 200 OK\r\n"));
  ready_ = false;
  EXPECT_THAT(Get("/readyz"), StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_THAT(Get("/readyz"), EndsWith("\r\n\r\nnot ready: the store is read-only\n"));
  EXPECT_THAT(Get("/healthz"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpEndpointTest, TheRootNamesTheVersionAndThePaths) {
  Start();
  EXPECT_THAT(Get("/"), HasSubstr("clavigerd 1.2.3"));
}

TEST_F(HttpEndpointTest, OtherPathsAreNotFound) {
  Start();
  for (const std::string path :
       {"/metrics/", "/metric", "/etc/passwd", "/../../etc/passwd", "/%2e%2e/etc/passwd",
        "//metrics", "/metrics%00", "/favicon.ico"}) {
    EXPECT_THAT(Get(path), Not(StartsWith("HTTP/1.1 200"))) << path;
  }
  EXPECT_THAT(Get("/nothing"), StartsWith("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(Get("/metrics?name=x"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

// civetweb's own answer began with `HTTP/` and the version that was sent.
TEST_F(HttpEndpointTest, ARequestThatIsNotUnderstoodIsNotRepeated) {
  Start();
  for (const std::string request :
       {"GET / cAnArY\r\n\r\n", "GET / HTTP/cAnArY\r\n\r\n", "cAnArY\r\n\r\n", "GET cAnArY\r\n\r\n",
        "cAnArY / HTTP/1.1\r\n\r\n", "GET /cAnArY HTTP/1.1\r\ncAnArY\r\n\r\n",
        "GET / HTTP/9.9cAnArY\r\nHost: cAnArY\r\n\r\n"}) {
    EXPECT_THAT(Ask(request), Not(HasSubstr("cAnArY"))) << request;
  }
  EXPECT_THAT(Ask("GET / nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400 Bad Request\r\n"));
}

TEST_F(HttpEndpointTest, OtherMethodsAreNotAllowed) {
  Start();
  for (const std::string method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH"}) {
    const std::string reply =
        Ask(method + " /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    EXPECT_THAT(reply, StartsWith("HTTP/1.1 405 Method Not Allowed\r\n")) << method;
    EXPECT_THAT(reply, HasSubstr("Allow: GET, HEAD\r\n")) << method;
  }
}

TEST_F(HttpEndpointTest, HeadHasNoBody) {
  Start();
  const std::string reply = Ask("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(reply, HasSubstr("Content-Length: 14\r\n"));
  EXPECT_THAT(reply, EndsWith("\r\n\r\n"));
}

TEST_F(HttpEndpointTest, EveryReplyForbidsSniffing) {
  Start();
  for (const std::string request :
       {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET /no HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\n\r\n", "garbage\r\n\r\n"}) {
    const std::string reply = Ask(request);
    if (reply.empty()) continue;
    EXPECT_THAT(reply, HasSubstr("X-Content-Type-Options: nosniff")) << request;
  }
}

TEST_F(HttpEndpointTest, GarbageIsNotAnsweredAsARequest) {
  Start();
  for (const std::string& request :
       {std::string("garbage\r\n\r\n"), std::string("GET\r\n\r\n"),
        std::string("GET / HTTP/9.9\r\n\r\n"), std::string(64 << 10, 'a') + "\r\n\r\n",
        "GET /metrics HTTP/1.1\r\nX: " + std::string(64 << 10, 'b') + "\r\n\r\n"}) {
    Connection connection(endpoint_->port());
    // The server may close before it has read all of it.
    connection.Send(request.substr(0, 8 << 10));
    connection.Send("\r\n\r\n");
    EXPECT_THAT(connection.ReadAll(), Not(StartsWith("HTTP/1.1 200"))) << request.substr(0, 20);
  }
  EXPECT_THAT(Get("/healthz"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpEndpointTest, AClientThatSendsNothingIsDisconnected) {
  Start({.threads = 1, .request_timeout = absl::Milliseconds(200)});
  Connection silent(endpoint_->port());
  silent.Send("GET /metr");
  EXPECT_THAT(silent.ReadAll(), Not(StartsWith("HTTP/1.1 200")));
  EXPECT_THAT(Get("/healthz"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpEndpointTest, ManyClientsAreServed) {
  Start({.threads = 2});
  std::atomic<int> good = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 16; ++i) {
    clients.emplace_back([this, &good] {
      if (Get("/metrics").starts_with("HTTP/1.1 200")) ++good;
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(good, 16);
}

TEST_F(HttpEndpointTest, ATakenAddressIsAClearError) {
  Start();
  const std::string where = "127.0.0.1:" + std::to_string(endpoint_->port());
  const auto second =
      HttpEndpoint::Start(*ListenAddress::Parse(where), {.render_metrics = [] { return ""; },
                                                         .ready = [] { return absl::OkStatus(); },
                                                         .version = ""});
  EXPECT_TRUE(absl::IsUnavailable(second.status())) << second.status();
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr("cannot listen for HTTP on " + where));
  EXPECT_THAT(Get("/healthz"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpEndpointTest, AUnixSocketIsRefused) {
  const auto endpoint = HttpEndpoint::Start(*ListenAddress::Parse("unix:/tmp/x"), {});
  EXPECT_TRUE(absl::IsInvalidArgument(endpoint.status()));
}

TEST_F(HttpEndpointTest, Ipv6IsServedOrRefusedWithTheReason) {
  const auto endpoint = HttpEndpoint::Start(*ListenAddress::Parse("[::1]:0"),
                                            {.render_metrics = [] { return ""; },
                                             .ready = [] { return absl::OkStatus(); },
                                             .version = ""});
  if (endpoint.ok()) {
    EXPECT_NE((*endpoint)->port(), 0);
  } else {
    EXPECT_THAT(std::string(endpoint.status().message()), HasSubstr("built without IPv6"));
  }
}

TEST_F(HttpEndpointTest, AfterStopNobodyAnswers) {
  Start();
  const uint16_t port = endpoint_->port();
  endpoint_->Stop();
  endpoint_->Stop();
  EXPECT_FALSE(Connection(port).is_connected());
}

}  // namespace
}  // namespace claviger
