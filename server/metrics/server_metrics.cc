#include "server/metrics/server_metrics.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <sstream>
#include <utility>

#include "prometheus/text_serializer.h"
#include "server/metrics/families.h"
#include "server/metrics/process_metrics.h"

namespace claviger {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr size_t kVerifyCodes = static_cast<size_t>(VerifyCode::kQuotaExceeded);
constexpr KeyState kKeyStates[] = {KeyState::kActive, KeyState::kDisabled, KeyState::kExpired,
                                   KeyState::kRevoked, KeyState::kDeleted};
// By AuthFailure.
constexpr const char* kAuthFailureNames[] = {"missing", "invalid", "permission"};
static_assert(std::size(kAuthFailureNames) == static_cast<size_t>(AuthFailure::kPermission) + 1);
constexpr const char* kCacheResults[] = {"hit", "miss"};
constexpr const char* kReloadResults[] = {"accepted", "refused"};

constexpr double kCommitSecondsBounds[] = {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025,
                                           0.005,   0.01,   0.025,   0.05,   0.1,   0.25,
                                           0.5,     1,      2.5,     5,      10};
constexpr double kNanosecondsPerSecond = 1e9;
constexpr double kBatchBounds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

template <size_t kSize>
std::vector<std::string> Names(const char* const (&names)[kSize]) {
  return {std::begin(names), std::end(names)};
}

std::vector<std::string> VerifyCodeLabels() {
  std::vector<std::string> labels;
  for (size_t code = 1; code <= kVerifyCodes; ++code) {
    labels.push_back(Lower(VerifyCodeName(static_cast<VerifyCode>(code))));
  }
  return labels;
}

// A family of counters that one label tells apart.
MetricFamily CounterFamily(std::string name, std::string help, const std::string& label,
                           const std::vector<std::string>& values,
                           const StripedCounters& counters) {
  MetricFamily family = MakeFamily(std::move(name), std::move(help), MetricType::Counter);
  for (size_t i = 0; i < values.size(); ++i) {
    AddCounter(family, {{label, values[i]}}, static_cast<double>(counters.Sum(i)));
  }
  return family;
}

MetricFamily HistogramFamily(std::string name, std::string help,
                             const StripedHistogram& histogram) {
  MetricFamily family = MakeFamily(std::move(name), std::move(help), MetricType::Histogram);
  AddHistogram(family, {}, histogram);
  return family;
}

prometheus::Gauge* MakeGauge(prometheus::Registry& registry, const std::string& name,
                             const std::string& help, const prometheus::Labels& labels = {}) {
  return &prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add(labels);
}

void Append(std::vector<MetricFamily>& all, std::vector<MetricFamily> more) {
  std::move(more.begin(), more.end(), std::back_inserter(all));
}

}  // namespace

ServerMetrics::ServerMetrics(std::string_view version)
    : verify_codes_(kVerifyCodes),
      cache_lookups_(std::size(kCacheResults)),
      auth_failures_(std::size(kAuthFailureNames)),
      certificate_reloads_(std::size(kReloadResults)),
      commit_seconds_(kCommitSecondsBounds, kNanosecondsPerSecond),
      batch_mutations_(kBatchBounds, 1),
      usage_flush_seconds_(kCommitSecondsBounds, kNanosecondsPerSecond),
      usage_dropped_(1) {
  for (const KeyState state : kKeyStates) {
    keys_by_state_.emplace(state,
                           MakeGauge(gauges_, "claviger_keys", "Keys in the store, by state.",
                                     {{"state", Lower(KeyStateName(state))}}));
  }
  keys_by_pepper_ = &prometheus::BuildGauge()
                         .Name("claviger_keys_by_pepper")
                         .Help("Keys that need a pepper to be recognised, by its id.")
                         .Register(gauges_);
  cache_entries_ = MakeGauge(gauges_, "claviger_record_cache_entries", "Keys in the record cache.");
  store_bytes_ = MakeGauge(gauges_, "claviger_store_bytes", "Size of the store on disk.");
  store_free_bytes_ =
      MakeGauge(gauges_, "claviger_store_free_bytes", "Free space on the disk of the store.");
  store_writable_ =
      MakeGauge(gauges_, "claviger_store_writable", "1 while the store takes changes, else 0.");
  store_damaged_ = MakeGauge(gauges_, "claviger_store_damaged",
                             "1 once the store met damage at its own work, until a restart.");
  const auto admits = [this](const char* change) {
    return MakeGauge(gauges_, "claviger_store_admits",
                     "1 while there is disk space for changes that make the store larger, and for "
                     "those that do not; else 0.",
                     {{"change", change}});
  };
  admits_growth_ = admits("growth");
  admits_reduction_ = admits("reduction");
  reserve_bytes_ = MakeGauge(gauges_, "claviger_store_reserve_bytes",
                             "Free space below which the store must not grow.");
  ballast_bytes_ = MakeGauge(gauges_, "claviger_store_ballast_bytes",
                             "Disk space that is set aside for when there is no other.");
  certificate_expiry_ =
      MakeGauge(gauges_, "claviger_certificate_expiry_timestamp_seconds",
                "When the TLS certificate being served runs out, as Unix time; 0 without TLS.");
  MakeGauge(gauges_, "claviger_build_info", "Always 1; the label is the version that runs.",
            {{"version", std::string(version)}})
      ->Set(1);
  sync_ = std::make_unique<SyncMetrics>(gauges_);
  keys_ = std::make_unique<KeyMetrics>(gauges_);
}

ServerMetrics::~ServerMetrics() = default;

MethodMetrics* ServerMetrics::RegisterMethod(std::string_view service, std::string_view method,
                                             MethodType type) {
  absl::MutexLock lock(&methods_mutex_);
  methods_.push_back(
      std::make_unique<MethodMetrics>(std::string(service), std::string(method), type));
  return methods_.back().get();
}

void ServerMetrics::ObserveBatch(const BatchStats& batch) {
  commit_seconds_.Observe(
      absl::ToDoubleSeconds(std::clamp(batch.latency, absl::ZeroDuration(), absl::Hours(24))));
  batch_mutations_.Observe(static_cast<double>(batch.mutations));
}

void ServerMetrics::ObserveUsageFlush(absl::Duration took, uint64_t dropped) {
  usage_flush_seconds_.Observe(
      absl::ToDoubleSeconds(std::clamp(took, absl::ZeroDuration(), absl::Hours(24))));
  usage_dropped_.Add(0, dropped);
}

void ServerMetrics::SetRecordCacheEntries(size_t entries) {
  cache_entries_->Set(static_cast<double>(entries));
}

void ServerMetrics::SetStoreStats(const StoreStats& stats) {
  for (const auto& [state, gauge] : keys_by_state_) {
    const auto found = stats.keys.find(state);
    gauge->Set(found == stats.keys.end() ? 0 : static_cast<double>(found->second));
  }
  for (const auto& [pepper, gauge] : pepper_gauges_) {
    if (!stats.keys_by_pepper.contains(pepper)) gauge->Set(0);
  }
  // As many labels as the pepper file has lines.
  for (const auto& [pepper, keys] : stats.keys_by_pepper) {
    prometheus::Gauge*& gauge = pepper_gauges_[pepper];
    if (gauge == nullptr) gauge = &keys_by_pepper_->Add({{"pepper", pepper}});
    gauge->Set(static_cast<double>(keys));
  }
  store_bytes_->Set(static_cast<double>(stats.bytes_on_disk));
  store_free_bytes_->Set(static_cast<double>(stats.free_bytes));
}

void ServerMetrics::SetStoreHealth(const StoreHealth& health) {
  store_writable_->Set(health.writable.ok() ? 1 : 0);
  store_damaged_->Set(health.damage.ok() ? 0 : 1);
  admits_growth_->Set(health.growth.ok() ? 1 : 0);
  admits_reduction_->Set(health.reduction.ok() ? 1 : 0);
  reserve_bytes_->Set(static_cast<double>(health.disk.growth_mark));
  ballast_bytes_->Set(static_cast<double>(health.disk.ballast_bytes));
}

void ServerMetrics::SetCertificateExpiry(absl::Time not_after) {
  certificate_expiry_->Set(static_cast<double>(absl::ToUnixSeconds(not_after)));
}

std::vector<MetricFamily> ServerMetrics::CollectMethods() const {
  std::vector<MetricFamily> families;
  families.push_back(MakeFamily("grpc_server_started_total", "Calls begun.", MetricType::Counter));
  families.push_back(
      MakeFamily("grpc_server_handled_total", "Calls ended, by status.", MetricType::Counter));
  families.push_back(
      MakeFamily("grpc_server_handling_seconds", "How long calls took.", MetricType::Histogram));
  absl::MutexLock lock(&methods_mutex_);
  for (const auto& method : methods_) method->Export(families[0], families[1], families[2]);
  return families;
}

std::vector<MetricFamily> ServerMetrics::CollectCounters() const {
  std::vector<MetricFamily> families;
  families.push_back(CounterFamily("claviger_verify_total", "Checks of keys, by what was found.",
                                   "code", VerifyCodeLabels(), verify_codes_));
  families.push_back(CounterFamily("claviger_record_cache_lookups_total",
                                   "Lookups in the record cache.", "result", Names(kCacheResults),
                                   cache_lookups_));
  families.push_back(CounterFamily("claviger_auth_failures_total",
                                   "Calls turned away for who called, by reason.", "reason",
                                   Names(kAuthFailureNames), auth_failures_));
  families.push_back(CounterFamily("claviger_certificate_reloads_total",
                                   "New TLS certificates found, by whether they were fit to serve.",
                                   "result", Names(kReloadResults), certificate_reloads_));
  families.push_back(HistogramFamily("claviger_commit_seconds",
                                     "From taking a batch of changes to its durability.",
                                     commit_seconds_));
  families.push_back(HistogramFamily("claviger_commit_batch_mutations",
                                     "Changes made durable together.", batch_mutations_));
  families.push_back(HistogramFamily("claviger_usage_flush_seconds",
                                     "How long it took to store what was counted of checks.",
                                     usage_flush_seconds_));
  families.push_back(MakeFamily("claviger_usage_dropped_total",
                                "Checks that usage statistics miss, as there was no room.",
                                MetricType::Counter));
  AddCounter(families.back(), {}, static_cast<double>(usage_dropped_.Sum(0)));
  return families;
}

std::string ServerMetrics::RenderText() const {
  std::vector<MetricFamily> families = CollectMethods();
  Append(families, CollectCounters());
  Append(families, gauges_.Collect());
  Append(families, sync_->Collect());
  Append(families, audit_.Collect());
  Append(families, backups_.Collect());
  Append(families, connections_.Collect());
  Append(families, keys_->Collect());
  Append(families, CollectProcessMetrics());
  std::sort(families.begin(), families.end(),
            [](const MetricFamily& a, const MetricFamily& b) { return a.name < b.name; });
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return std::move(out).str();
}

}  // namespace claviger
