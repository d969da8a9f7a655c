// Builds Prometheus' families from our counters.
#ifndef CLAVIGER_SERVER_METRICS_FAMILIES_H_
#define CLAVIGER_SERVER_METRICS_FAMILIES_H_

#include <string>
#include <vector>

#include "prometheus/client_metric.h"
#include "prometheus/metric_family.h"
#include "server/metrics/striped.h"

namespace claviger {

using MetricLabels = std::vector<prometheus::ClientMetric::Label>;

// A family without series yet.
prometheus::MetricFamily MakeFamily(std::string name, std::string help,
                                    prometheus::MetricType type);

void AddCounter(prometheus::MetricFamily& family, MetricLabels labels, double value);
void AddGauge(prometheus::MetricFamily& family, MetricLabels labels, double value);
void AddHistogram(prometheus::MetricFamily& family, MetricLabels labels,
                  const StripedHistogram& histogram);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_METRICS_FAMILIES_H_
