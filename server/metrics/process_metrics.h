// What the operating system says of this process.
#ifndef CLAVIGER_SERVER_METRICS_PROCESS_METRICS_H_
#define CLAVIGER_SERVER_METRICS_PROCESS_METRICS_H_

#include <vector>

#include "prometheus/metric_family.h"

namespace claviger {

// The families that Prometheus' own client libraries export for a process: start time, CPU, memory,
// descriptors. A family whose numbers cannot be read is left out.
//
// Thread safety: may be called from any thread at once. Reads /proc.
std::vector<prometheus::MetricFamily> CollectProcessMetrics();

}  // namespace claviger

#endif  // CLAVIGER_SERVER_METRICS_PROCESS_METRICS_H_
