#include "server/metrics/families.h"

#include <cstddef>
#include <limits>
#include <utility>

namespace claviger {

prometheus::MetricFamily MakeFamily(std::string name, std::string help,
                                    prometheus::MetricType type) {
  prometheus::MetricFamily family;
  family.name = std::move(name);
  family.help = std::move(help);
  family.type = type;
  return family;
}

void AddCounter(prometheus::MetricFamily& family, MetricLabels labels, double value) {
  auto& metric = family.metric.emplace_back();
  metric.label = std::move(labels);
  metric.counter.value = value;
}

void AddGauge(prometheus::MetricFamily& family, MetricLabels labels, double value) {
  auto& metric = family.metric.emplace_back();
  metric.label = std::move(labels);
  metric.gauge.value = value;
}

void AddHistogram(prometheus::MetricFamily& family, MetricLabels labels,
                  const StripedHistogram& histogram) {
  auto& metric = family.metric.emplace_back();
  metric.label = std::move(labels);
  const auto snapshot = histogram.Read();
  metric.histogram.sample_count = snapshot.cumulative.back();
  metric.histogram.sample_sum = snapshot.sum;
  const auto bounds = histogram.bounds();
  for (size_t i = 0; i < snapshot.cumulative.size(); ++i) {
    auto& bucket = metric.histogram.bucket.emplace_back();
    bucket.cumulative_count = snapshot.cumulative[i];
    bucket.upper_bound = i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity();
  }
}

}  // namespace claviger
