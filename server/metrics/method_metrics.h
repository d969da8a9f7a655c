// The metrics of one RPC method, under the names that the gRPC ecosystem uses.
#ifndef CLAVIGER_SERVER_METRICS_METHOD_METRICS_H_
#define CLAVIGER_SERVER_METRICS_METHOD_METRICS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "prometheus/metric_family.h"
#include "server/metrics/striped.h"

namespace claviger {

enum class MethodType { kUnary, kClientStream, kServerStream, kBidiStream };

// Counts the calls of one method.
//
// Thread safety: all methods may be called from any thread at once; none takes a lock.
class MethodMetrics {
 public:
  // `service` is the full name, e.g. `claviger.v1.Verifier`.
  MethodMetrics(std::string service, std::string method, MethodType type);

  // A call has begun.
  void Started() { counts_.Add(kStartedCell); }
  // It ended with this gRPC status code after this time. A code that gRPC does not define counts as
  // Unknown.
  void Handled(int grpc_code, absl::Duration took);

  // Adds this method's series to `started`, `handled` and `seconds`.
  void Export(prometheus::MetricFamily& started, prometheus::MetricFamily& handled,
              prometheus::MetricFamily& seconds) const;

 private:
  static constexpr int kGrpcCodes = 17;
  // One cell for each code in the order of codes, then the calls begun.
  static constexpr size_t kStartedCell = kGrpcCodes;

  const std::vector<prometheus::ClientMetric::Label> labels_;
  StripedCounters counts_;
  StripedHistogram seconds_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_METRICS_METHOD_METRICS_H_
