#include "server/metrics/key_metrics.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "server/metrics/families.h"

namespace claviger {
namespace {

// By kExpiryHorizons.
constexpr std::array<const char*, kExpiryHorizons.size()> kHorizonNames = {"1d", "7d", "30d"};
constexpr const char* kUnusedForName = "90d";

}  // namespace

KeyMetrics::KeyMetrics(prometheus::Registry& gauges) {
  auto& expiring = prometheus::BuildGauge()
                       .Name("claviger_keys_expiring")
                       .Help("Active keys that expire within this time from now.")
                       .Register(gauges);
  for (size_t i = 0; i < expiring_.size(); ++i) {
    expiring_[i] = &expiring.Add({{"within", kHorizonNames[i]}});
  }
  unused_ = &prometheus::BuildGauge()
                 .Name("claviger_keys_unused")
                 .Help("Active keys older than this that no check found good for as long.")
                 .Register(gauges)
                 .Add({{"for", kUnusedForName}});
}

void KeyMetrics::SetExpiring(std::span<const uint64_t> counts) {
  for (size_t i = 0; i < std::min(counts.size(), expiring_.size()); ++i) {
    expiring_[i]->Set(static_cast<double>(counts[i]));
  }
}

void KeyMetrics::SetUnused(uint64_t keys) { unused_->Set(static_cast<double>(keys)); }

void KeyMetrics::SetProject(const std::string& project_id,
                            const std::map<KeyState, uint64_t>& keys) {
  absl::MutexLock lock(&mutex_);
  projects_[project_id] = keys;
}

std::vector<prometheus::MetricFamily> KeyMetrics::Collect() const {
  absl::MutexLock lock(&mutex_);
  if (projects_.empty()) return {};
  prometheus::MetricFamily family =
      MakeFamily("claviger_project_keys", "Keys of the projects of --metrics-projects, by state.",
                 prometheus::MetricType::Gauge);
  for (const auto& [project_id, keys] : projects_) {
    for (const auto& [state, count] : keys) {
      AddGauge(family,
               {{"project", project_id},
                {"state", absl::AsciiStrToLower(std::string(KeyStateName(state)))}},
               static_cast<double>(count));
    }
  }
  return {std::move(family)};
}

}  // namespace claviger
