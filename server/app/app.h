// The server as a whole: what is made in which order, and how it ends. Only here are concrete
// stores named.
#ifndef CLAVIGER_SERVER_APP_APP_H_
#define CLAVIGER_SERVER_APP_APP_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/clock.h"
#include "core/digest.h"
#include "core/random.h"
#include "core/ratchet_clock.h"
#include "server/app/disk_watch.h"
#include "server/app/grpc_setup.h"
#include "server/app/key_gauges.h"
#include "server/app/memory_limit.h"
#include "server/app/pepper_report.h"
#include "server/app/periodic_tasks.h"
#include "server/app/sync_setup.h"
#include "server/audit/entry_counter.h"
#include "server/audit/refusal_recorder.h"
#include "server/config/server_config.h"
#include "server/manage/admin_keys.h"
#include "server/manage/audit_watch.h"
#include "server/manage/authenticator.h"
#include "server/manage/bulk_revoke.h"
#include "server/manage/caller_map.h"
#include "server/manage/key_importer.h"
#include "server/manage/key_lookup.h"
#include "server/manage/key_manager.h"
#include "server/manage/key_sweeper.h"
#include "server/manage/project_manager.h"
#include "server/metrics/server_metrics.h"
#include "server/rpc/audit_service.h"
#include "server/rpc/key_authority_service.h"
#include "server/rpc/projects_service.h"
#include "server/rpc/unknown_method.h"
#include "server/rpc/usage_service.h"
#include "server/rpc/verifier_service.h"
#include "server/rpc/worker_pool.h"
#include "server/transport/certificate_reloader.h"
#include "server/transport/http_endpoint.h"
#include "server/usage/usage_flusher.h"
#include "server/usage/usage_recorder.h"
#include "server/verify/record_cache.h"
#include "server/verify/redigester.h"
#include "server/verify/verifier.h"
#include "storage/key_store.h"

namespace claviger {

// A running server.
//
// Thread safety: the methods are for the thread that started it.
class App {
 public:
  // Opens the store and begins to serve. `config` is validated; `clock` and `random` outlive the
  // app. Errors are for whoever started it: they name the file or setting and what to do.
  static absl::StatusOr<std::unique_ptr<App>> Start(const ServerConfig& config, const Clock& clock,
                                                    RandomSource& random);
  // Stops.
  ~App();

  // Where gRPC is served, with the port that the system chose for 0.
  const std::string& grpc_address() const { return grpc_address_; }
  // The same for HTTP; empty when it is off.
  const std::string& http_address() const { return http_address_; }

  // Takes over what can change while serving: certificates, the caller map, the log level. What
  // `config` changes beside is named in the log as needing a restart. A file that is not fit leaves
  // the old state.
  void Reload(const ServerConfig& config);

  // Refuses new calls, lets running ones end within the drain timeout, makes everything durable.
  // Idempotent.
  void Stop();

 private:
  App(const ServerConfig& config, RandomSource& random, PepperSet peppers);

  absl::Status OpenStore(const Clock& clock);
  absl::Status StartSync();
  absl::Status LoadCallers(const ServerConfig& config);
  absl::Status StartGrpc();
  absl::Status StartHttp();
  void StartSweep();
  void StartTimer();
  // The key `successor` was used for the first time at `first_use`.
  void BeginGrace(const KeyId& successor, absl::Time first_use);
  void RefreshGauges();
  // Says so when the pepper file is not the one that was started with.
  void ComparePeppers(const ServerConfig& config) const;
  absl::Status Ready() const;

  // Constant after construction.
  ServerConfig config_;
  const PepperSet peppers_;
  PepperReport pepper_report_{peppers_};  // the timer's
  RandomSource& random_;

  ServerMetrics metrics_;
  std::unique_ptr<VerifyObserver> verify_observer_;
  std::unique_ptr<KeyStore> store_;
  std::unique_ptr<DiskWatch> disk_watch_;
  std::unique_ptr<RatchetClock> clock_;
  AuditEntryCounter audit_counter_{metrics_.audit()};
  std::unique_ptr<RefusalRecorder> refusals_;
  std::unique_ptr<AuditWatch> audit_watch_;
  std::unique_ptr<RecordCache> cache_;
  std::unique_ptr<Redigester> redigester_;
  std::unique_ptr<Verifier> verifier_;
  UsageRecorder usage_;
  std::unique_ptr<UsageFlusher> usage_flusher_;
  CallerMapHolder callers_;
  std::unique_ptr<Authenticator> authenticator_;
  std::unique_ptr<AdminKeys> admins_;
  std::unique_ptr<KeyManager> keys_;
  std::unique_ptr<BulkRevoker> bulk_;
  std::unique_ptr<KeyLookup> lookup_;
  std::unique_ptr<KeyImporter> importer_;
  std::unique_ptr<ProjectManager> projects_;
  std::unique_ptr<KeySweeper> sweeper_;
  std::unique_ptr<PeriodicTasks> sweep_timer_;
  std::unique_ptr<CertificateReloader> certificates_;
  std::unique_ptr<WorkerPool> workers_;
  std::unique_ptr<WorkerPool> bulk_workers_;
  std::unique_ptr<UsageReports> usage_reports_;
  std::unique_ptr<SyncMetricsObserver> sync_observer_;
  std::unique_ptr<sync::SyncLoop> sync_;
  std::unique_ptr<KeyAuthorityService> key_authority_;
  std::unique_ptr<ProjectsService> projects_service_;
  std::unique_ptr<AuditService> audit_service_;
  std::unique_ptr<VerifierService> verifier_service_;
  UnknownMethodService unknown_methods_;
  std::unique_ptr<UsageService> usage_service_;
  CallerMarks caller_marks_;
  GrpcServer grpc_;
  std::unique_ptr<MemoryGuard> memory_guard_;
  std::unique_ptr<HttpEndpoint> http_;
  std::unique_ptr<PeriodicTasks> timer_;
  absl::Duration stats_due_;                    // the timer's own, on the clock's SinceBoot scale
  std::unique_ptr<PeriodicTasks> usage_timer_;  // its thread is where checks are written down
  std::unique_ptr<KeyGauges> key_gauges_;
  std::unique_ptr<PeriodicTasks> count_timer_;  // its thread is where keys are counted
  std::string grpc_address_;
  std::string http_address_;
  std::atomic<bool> serving_{false};
  bool stopped_ = false;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_APP_APP_H_
