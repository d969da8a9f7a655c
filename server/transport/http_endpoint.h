// The HTTP port: metrics for Prometheus, health for whoever starts and stops the server.
#ifndef CLAVIGER_SERVER_TRANSPORT_HTTP_ENDPOINT_H_
#define CLAVIGER_SERVER_TRANSPORT_HTTP_ENDPOINT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/transport/listen_address.h"

struct mg_connection;
struct mg_context;

namespace claviger {

// What the endpoint answers with. Called from several threads at once.
struct HttpHandlers {
  // The body of /metrics, in Prometheus' text format.
  std::function<std::string()> render_metrics;
  // OK when the server takes calls, else why not: the message is shown to whoever asks.
  std::function<absl::Status()> ready;
  // While it is ready: OK, or what it does not do for now. May be empty.
  std::function<absl::Status()> degraded = {};
  std::string version;
};

struct HttpOptions {
  // Connections that are looked after at once; more wait. A client that says nothing holds one
  // until its time is over, so there are more than there is work for.
  int threads = 32;
  // A client that has not sent its request by then is disconnected.
  absl::Duration request_timeout = absl::Seconds(2);
};

// GET and HEAD of `/`, `/metrics`, `/healthz` and `/readyz`. Other paths are 404, other methods
// 405. Serves no files and reads no request bodies.
//
// Thread safety: port() from any thread; Stop and the destructor from one.
class HttpEndpoint {
 public:
  // Listens on `address`, which is TCP. Errors: INVALID_ARGUMENT for a unix socket, or for IPv6
  // where civetweb is built without it (Debian's is); UNAVAILABLE, naming the address, when it
  // cannot be listened on.
  static absl::StatusOr<std::unique_ptr<HttpEndpoint>> Start(const ListenAddress& address,
                                                             HttpHandlers handlers,
                                                             HttpOptions options = {});
  // Stops.
  ~HttpEndpoint();

  HttpEndpoint(const HttpEndpoint&) = delete;
  HttpEndpoint& operator=(const HttpEndpoint&) = delete;

  // Where it listens: what was given, or what the system chose for port 0.
  uint16_t port() const { return port_; }

  // Waits for requests that are being answered; no handler runs afterwards. Idempotent.
  void Stop();

 private:
  explicit HttpEndpoint(HttpHandlers handlers) : handlers_(std::move(handlers)) {}

  static int HandleRequest(mg_connection* connection);

  const HttpHandlers handlers_;
  mg_context* context_ = nullptr;
  uint16_t port_ = 0;
  // IPv4, in network order.
  uint32_t wake_address_ = 0;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_TRANSPORT_HTTP_ENDPOINT_H_
