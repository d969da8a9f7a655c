#include "server/metrics/connection_metrics.h"

#include "server/metrics/families.h"

namespace claviger {
namespace {

using prometheus::MetricType;

constexpr std::array<const char*, kConnectionBounds> kBoundNames = {"total", "address",
                                                                    "descriptors"};

double Read(const std::atomic<uint64_t>& value) {
  return static_cast<double>(value.load(std::memory_order_relaxed));
}

prometheus::MetricFamily ByBound(
    std::string name, std::string help,
    const std::array<std::atomic<uint64_t>, kConnectionBounds>& values) {
  prometheus::MetricFamily family =
      MakeFamily(std::move(name), std::move(help), MetricType::Counter);
  for (size_t i = 0; i < values.size(); ++i) {
    AddCounter(family, {{"bound", kBoundNames[i]}}, Read(values[i]));
  }
  return family;
}

}  // namespace

void ConnectionMetrics::SetOpen(size_t open, size_t with_call) {
  open_.store(open, std::memory_order_relaxed);
  with_call_.store(with_call, std::memory_order_relaxed);
}

std::vector<prometheus::MetricFamily> ConnectionMetrics::Collect() const {
  std::vector<prometheus::MetricFamily> families;
  const double open = Read(open_);
  const double with_call = Read(with_call_);
  families.push_back(
      MakeFamily("claviger_connections",
                 "Open connections to the gRPC port, by whether a caller was recognised on them.",
                 MetricType::Gauge));
  AddGauge(families.back(), {{"caller", "recognised"}}, with_call);
  AddGauge(families.back(), {{"caller", "none"}}, open > with_call ? open - with_call : 0);
  families.push_back(MakeFamily("claviger_connections_most",
                                "How many connections to the gRPC port may be open.",
                                MetricType::Gauge));
  AddGauge(families.back(), {}, Read(most_));
  families.push_back(MakeFamily("claviger_connections_accepted_total",
                                "Connections to the gRPC port that were taken in.",
                                MetricType::Counter));
  AddCounter(families.back(), {}, Read(accepted_));
  families.push_back(
      ByBound("claviger_connections_refused_total",
              "Connections to the gRPC port that were closed at once, by what there was too much "
              "of.",
              refused_));
  families.push_back(
      ByBound("claviger_connections_made_room_total",
              "Connections without a recognised caller that were closed for newer ones, by what "
              "there was too much of.",
              made_room_));
  return families;
}

}  // namespace claviger
