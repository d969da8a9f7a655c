// All metrics of the server, and their text for Prometheus.
//
// Labels have fixed values: never a key id, an owner or an address. Every series is there from the
// start with 0, so that an alert on a rate works for the first event as well.
#ifndef CLAVIGER_SERVER_METRICS_SERVER_METRICS_H_
#define CLAVIGER_SERVER_METRICS_SERVER_METRICS_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/decision.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/metric_family.h"
#include "prometheus/registry.h"
#include "server/metrics/audit_metrics.h"
#include "server/metrics/backup_metrics.h"
#include "server/metrics/connection_metrics.h"
#include "server/metrics/key_metrics.h"
#include "server/metrics/method_metrics.h"
#include "server/metrics/striped.h"
#include "server/metrics/sync_metrics.h"
#include "storage/key_store.h"

namespace claviger {

// Why a caller was turned away.
enum class AuthFailure : unsigned char {
  kMissing,  // neither a key nor a certificate that the caller map names
  kInvalid,  // a key that is not good for calling here; which way, the answer does not say either
  kPermission,  // known, but without the permission
};

// Counters are written by the hot path without a lock; gauges by a timer.
//
// Thread safety: all methods may be called from any thread at once. RegisterMethod and RenderText
// take a lock that no other method takes.
class ServerMetrics {
 public:
  // `version` is the label of claviger_build_info.
  explicit ServerMetrics(std::string_view version);
  ~ServerMetrics();

  ServerMetrics(const ServerMetrics&) = delete;
  ServerMetrics& operator=(const ServerMetrics&) = delete;

  // The metrics of a method, for its handler to keep; lives as long as this object. Call once per
  // method, at start. `service` is the full name, e.g. `claviger.v1.Verifier`.
  MethodMetrics* RegisterMethod(std::string_view service, std::string_view method, MethodType type);

  void CountVerify(VerifyCode code) { verify_codes_.Add(static_cast<size_t>(code) - 1); }
  void CountRecordCacheLookup(bool hit) { cache_lookups_.Add(hit ? 0 : 1); }
  void CountAuthFailure(AuthFailure reason) { auth_failures_.Add(static_cast<size_t>(reason)); }
  void CountCertificateReload(bool accepted) { certificate_reloads_.Add(accepted ? 0 : 1); }
  // A flush of counted checks took so long, and so many checks will never be counted.
  void ObserveUsageFlush(absl::Duration took, uint64_t dropped);
  // For KeyStore's BatchObserver.
  void ObserveBatch(const BatchStats& batch);

  void SetRecordCacheEntries(size_t entries);
  // From one thread.
  void SetStoreStats(const StoreStats& stats);
  void SetStoreHealth(const StoreHealth& health);
  void SetCertificateExpiry(absl::Time not_after);

  SyncMetrics& sync() { return *sync_; }
  AuditMetrics& audit() { return audit_; }
  BackupMetrics& backups() { return backups_; }
  KeyMetrics& keys() { return *keys_; }
  ConnectionMetrics& connections() { return connections_; }

  // Everything, in Prometheus' text format 0.0.4.
  std::string RenderText() const;

 private:
  std::vector<prometheus::MetricFamily> CollectMethods() const;
  std::vector<prometheus::MetricFamily> CollectCounters() const;

  StripedCounters verify_codes_;
  StripedCounters cache_lookups_;
  StripedCounters auth_failures_;
  StripedCounters certificate_reloads_;
  StripedHistogram commit_seconds_;
  StripedHistogram batch_mutations_;
  StripedHistogram usage_flush_seconds_;
  StripedCounters usage_dropped_;

  prometheus::Registry gauges_;
  // Owned by gauges_.
  std::map<KeyState, prometheus::Gauge*> keys_by_state_;
  prometheus::Family<prometheus::Gauge>* keys_by_pepper_ = nullptr;
  std::map<std::string, prometheus::Gauge*> pepper_gauges_;  // SetStoreStats' own
  prometheus::Gauge* cache_entries_ = nullptr;
  prometheus::Gauge* store_bytes_ = nullptr;
  prometheus::Gauge* store_free_bytes_ = nullptr;
  prometheus::Gauge* store_writable_ = nullptr;
  prometheus::Gauge* admits_growth_ = nullptr;
  prometheus::Gauge* admits_reduction_ = nullptr;
  prometheus::Gauge* store_damaged_ = nullptr;
  prometheus::Gauge* reserve_bytes_ = nullptr;
  prometheus::Gauge* ballast_bytes_ = nullptr;
  prometheus::Gauge* certificate_expiry_ = nullptr;

  std::unique_ptr<SyncMetrics> sync_;
  AuditMetrics audit_;
  BackupMetrics backups_;
  ConnectionMetrics connections_;
  std::unique_ptr<KeyMetrics> keys_;

  mutable absl::Mutex methods_mutex_;
  std::vector<std::unique_ptr<MethodMetrics>> methods_ ABSL_GUARDED_BY(methods_mutex_);
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_METRICS_SERVER_METRICS_H_
