#include "server/transport/http_endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string_view>
#include <thread>
#include <utility>

#include "absl/synchronization/notification.h"
#include "civetweb.h"
#include "core/status.h"
#include "fmt/format.h"
#include "server/logging/log.h"
#include "server/logging/redact.h"
#include "server/transport/invalid_setting.h"

namespace claviger {
namespace {

constexpr absl::Duration kPokeInterval = absl::Milliseconds(20);

struct Reply {
  int status = 200;
  std::string_view content_type = "text/plain; charset=utf-8";
  std::string body = "";
  std::string_view extra_headers = "";
};

std::string_view StatusText(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

Reply Answer(const HttpHandlers& handlers, std::string_view path) {
  if (path == "/metrics") {
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
            .body = handlers.render_metrics()};
  }
  if (path == "/healthz") return {.body = "ok\n"};
  if (path == "/readyz") {
    const absl::Status ready = handlers.ready();
    if (ready.ok()) {
      const absl::Status whole = handlers.degraded ? handlers.degraded() : absl::OkStatus();
      if (whole.ok()) return {.body = "ok\n"};
      return {.body = fmt::format("degraded: {}\n", std::string(whole.message()))};
    }
    return {.status = 503, .body = fmt::format("not ready: {}\n", std::string(ready.message()))};
  }
  if (path == "/") {
    return {.body = fmt::format("clavigerd {}\n\n/metrics  for Prometheus\n/healthz  alive?\n"
                                "/readyz   taking calls? says why not\n",
                                handlers.version)};
  }
  return {.status = 404, .body = "not found\n"};
}

void Send(mg_connection* connection, const Reply& reply, bool with_body) {
  std::string message = fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nX-Content-Type-Options: "
      "nosniff\r\nCache-Control: no-store\r\nConnection: close\r\n{}\r\n",
      reply.status, StatusText(reply.status), reply.content_type, reply.body.size(),
      reply.extra_headers);
  if (with_body) message += reply.body;
  mg_write(connection, message.data(), message.size());
}

// Connects to the listener and hangs up. Whether that works does not matter.
void PokeListener(uint32_t address, uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return;
  sockaddr_in target{};
  target.sin_family = AF_INET;
  target.sin_port = htons(port);
  target.sin_addr.s_addr = address == htonl(INADDR_ANY) ? htonl(INADDR_LOOPBACK) : address;
  (void)connect(fd, reinterpret_cast<const sockaddr*>(&target), sizeof(target));
  close(fd);
}

// In the place of civetweb's own answer to a request that it does not understand, which repeats the
// version that stands in it, whatever that is.
int OnError(mg_connection* connection, int status, const char* /*may hold the request's words*/) {
  Send(connection, {.status = status, .body = "the request is not understood\n"},
       /*with_body=*/true);
  return 0;
}

// What civetweb has to say is about strangers' broken requests.
int OnLogLine(const mg_connection*, const char* message) {
  log::Debug("HTTP reports a problem", {{"detail", log::RedactForeignLine(message)}});
  return 1;
}

}  // namespace

int HttpEndpoint::HandleRequest(mg_connection* connection) {
  const mg_request_info& request = *mg_get_request_info(connection);
  const auto& endpoint = *static_cast<const HttpEndpoint*>(request.user_data);
  const std::string_view method = request.request_method;
  Reply reply;
  if (method == "GET" || method == "HEAD") {
    reply =
        Answer(endpoint.handlers_, request.local_uri_raw == nullptr ? "" : request.local_uri_raw);
  } else {
    reply = {.status = 405, .body = "only GET and HEAD\n", .extra_headers = "Allow: GET, HEAD\r\n"};
  }
  Send(connection, reply, method != "HEAD");
  return reply.status;
}

absl::StatusOr<std::unique_ptr<HttpEndpoint>> HttpEndpoint::Start(const ListenAddress& address,
                                                                  HttpHandlers handlers,
                                                                  HttpOptions options) {
  const std::string where = address.ToString();
  if (address.is_unix()) return InvalidSetting("http-listen", where, "HOST:PORT");
  if (address.is_v6() && mg_check_feature(MG_FEATURES_IPV6) == 0) {
    return InvalidSetting("http-listen", where,
                          "an IPv4 address: the HTTP library is built without IPv6");
  }
  mg_init_library(0);
  std::unique_ptr<HttpEndpoint> endpoint(new HttpEndpoint(std::move(handlers)));
  const std::string threads = fmt::format("{}", options.threads);
  const std::string timeout = fmt::format("{}", absl::ToInt64Milliseconds(options.request_timeout));
  const char* settings[] = {"listening_ports",
                            where.c_str(),
                            "num_threads",
                            threads.c_str(),
                            "request_timeout_ms",
                            timeout.c_str(),
                            "enable_keep_alive",
                            "no",
                            "decode_url",
                            "no",
                            "max_request_size",
                            "8192",
                            "additional_header",
                            "X-Content-Type-Options: nosniff",
                            nullptr};
  mg_callbacks callbacks{};
  callbacks.begin_request = &HttpEndpoint::HandleRequest;
  callbacks.http_error = &OnError;
  callbacks.log_message = &OnLogLine;
  mg_init_data init{
      .callbacks = &callbacks, .user_data = endpoint.get(), .configuration_options = settings};
  char text[256] = {};
  unsigned code = 0;
  mg_error_data error{.code = &code, .text = text, .text_buffer_size = sizeof(text)};
  endpoint->context_ = mg_start2(&init, &error);
  if (endpoint->context_ == nullptr) {
    return ErrorBuilder(absl::StatusCode::kUnavailable, Reason::kConfigInvalid)
        .Build(fmt::format("cannot listen for HTTP on {}: {}", where, text));
  }
  inet_pton(AF_INET, address.host().c_str(), &endpoint->wake_address_);
  mg_server_port port{};
  if (mg_get_server_ports(endpoint->context_, 1, &port) == 1) {
    endpoint->port_ = static_cast<uint16_t>(port.port);
  }
  return endpoint;
}

HttpEndpoint::~HttpEndpoint() {
  Stop();
  mg_exit_library();
}

void HttpEndpoint::Stop() {
  if (context_ == nullptr) return;
  absl::Notification stopped;
  std::thread stopper([context = std::exchange(context_, nullptr), &stopped] {
    mg_stop(context);
    stopped.Notify();
  });
  // civetweb sees that it shall stop when a connection comes, or else after up to 2 s.
  do {
    PokeListener(wake_address_, port_);
  } while (!stopped.WaitForNotificationWithTimeout(kPokeInterval));
  stopper.join();
}

}  // namespace claviger
