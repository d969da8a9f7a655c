#include "server/metrics/method_metrics.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "server/metrics/families.h"

namespace claviger {
namespace {

// From 50 µs, near the floor of an RPC, to 10 s, past any deadline that is usual.
constexpr double kSecondsBounds[] = {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025,
                                     0.005,   0.01,   0.025,   0.05,   0.1,   0.25,
                                     0.5,     1,      2.5,     5,      10};
constexpr double kNanosecondsPerSecond = 1e9;

// By code, in the spelling of the other gRPC metrics libraries.
constexpr const char* kCodeNames[] = {
    "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated"};
constexpr int kUnknownCode = 2;

const char* TypeName(MethodType type) {
  switch (type) {
    case MethodType::kUnary:
      return "unary";
    case MethodType::kClientStream:
      return "client_stream";
    case MethodType::kServerStream:
      return "server_stream";
    case MethodType::kBidiStream:
      return "bidi_stream";
  }
  return "unknown";
}

}  // namespace

MethodMetrics::MethodMetrics(std::string service, std::string method, MethodType type)
    : labels_{{"grpc_type", TypeName(type)},
              {"grpc_service", std::move(service)},
              {"grpc_method", std::move(method)}},
      counts_(kStartedCell + 1),
      seconds_(kSecondsBounds, kNanosecondsPerSecond) {}

void MethodMetrics::Handled(int grpc_code, absl::Duration took) {
  static_assert(std::size(kCodeNames) == kGrpcCodes);
  const bool known = grpc_code >= 0 && grpc_code < kGrpcCodes;
  counts_.Add(static_cast<size_t>(known ? grpc_code : kUnknownCode));
  seconds_.Observe(absl::ToDoubleSeconds(std::clamp(took, absl::ZeroDuration(), absl::Hours(24))));
}

void MethodMetrics::Export(prometheus::MetricFamily& started, prometheus::MetricFamily& handled,
                           prometheus::MetricFamily& seconds) const {
  // Ends before begins: a scrape never shows more calls ended than begun.
  for (int code = 0; code < kGrpcCodes; ++code) {
    MetricLabels labels = labels_;
    labels.push_back({"grpc_code", kCodeNames[code]});
    AddCounter(handled, std::move(labels), static_cast<double>(counts_.Sum(code)));
  }
  AddHistogram(seconds, labels_, seconds_);
  AddCounter(started, labels_, static_cast<double>(counts_.Sum(kStartedCell)));
}

}  // namespace claviger
