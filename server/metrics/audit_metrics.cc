#include "server/metrics/audit_metrics.h"

#include <utility>

#include "server/metrics/families.h"

namespace claviger {

std::vector<prometheus::MetricFamily> AuditMetrics::Collect() const {
  // By AuditOutcome.
  constexpr std::array kOutcomes = {"change", "refusal", "failed"};
  static_assert(kOutcomes.size() == static_cast<size_t>(AuditOutcome::kFailed) + 1);
  std::vector<prometheus::MetricFamily> families;
  families.push_back(MakeFamily("claviger_audit_entries_total",
                                "Entries of the audit log, by what became of them.",
                                prometheus::MetricType::Counter));
  for (size_t i = 0; i < kOutcomes.size(); ++i) {
    AddCounter(families.back(), {{"outcome", kOutcomes[i]}},
               static_cast<double>(entries_[i].load(std::memory_order_relaxed)));
  }
  families.push_back(MakeFamily(
      "claviger_audit_refusals_left_out_total",
      "Refused calls without an audit entry of their own, because too many came at once.",
      prometheus::MetricType::Counter));
  AddCounter(families.back(), {}, static_cast<double>(left_out_.load(std::memory_order_relaxed)));
  return families;
}

}  // namespace claviger
