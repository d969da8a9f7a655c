#include "server/app/app.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "server/app/bootstrap.h"
#include "server/app/config_difference.h"
#include "server/app/grpc_setup.h"
#include "server/logging/log.h"
#include "storage/rocksdb/rocksdb_store.h"

namespace claviger {
namespace {

// What a cached record costs, with its strings and its place in the index: a fair guess, to turn
// bytes into a number.
constexpr size_t kBytesPerCachedRecord = 2048;
// A quarter of the budget is the record cache's, the rest the store's.
constexpr size_t kRecordCacheShare = 4;

constexpr size_t kListThreads = 2;
constexpr size_t kMaxWaitingLists = 256;
// Of its own, so that lists never put off an emergency, nor its search the lists.
constexpr size_t kBulkRevokeThreads = 1;
constexpr size_t kMaxWaitingBulkRevokes = 64;

constexpr absl::Duration kGaugeInterval = absl::Seconds(5);
constexpr absl::Duration kLeftOutInterval = absl::Seconds(10);
constexpr absl::Duration kSweepInterval = absl::Minutes(1);
constexpr absl::Duration kSecond = absl::Seconds(1);
constexpr int kStatsRestFactor = 20;
constexpr absl::Duration kExpiryInterval = absl::Minutes(1);
// Between slices of some milliseconds, so that a walk takes a small part of one core.
constexpr absl::Duration kWalkInterval = absl::Milliseconds(200);

class VerifyMetrics final : public VerifyObserver {
 public:
  explicit VerifyMetrics(ServerMetrics& metrics) : metrics_(metrics) {}
  void OnRecordLookup(bool hit) override { metrics_.CountRecordCacheLookup(hit); }

 private:
  ServerMetrics& metrics_;
};

}  // namespace

App::App(const ServerConfig& config, RandomSource& random, PepperSet peppers)
    : config_(config), peppers_(std::move(peppers)), random_(random), metrics_(CLAVIGER_VERSION) {}

absl::StatusOr<std::unique_ptr<App>> App::Start(const ServerConfig& config, const Clock& clock,
                                                RandomSource& random) {
  // Whatever is made below is this user's alone: sockets and files alike.
  umask(S_IRWXG | S_IRWXO);
  if (config.dev) {
    std::error_code ignored;  // the store says what is wrong with the folder, if anything is
    std::filesystem::create_directories(config.store.data_dir, ignored);
  }
  // Beside a store that is there already a new pepper would recognise none of its keys.
  std::error_code unreadable;
  const bool is_new = !std::filesystem::exists(config.store.data_dir / "db", unreadable);
  absl::StatusOr<PepperSet> peppers =
      LoadPeppers(config.callers.pepper_file, /*make_missing=*/config.dev && is_new, random);
  if (!peppers.ok()) return peppers.status();
  std::unique_ptr<App> app(new App(config, random, *std::move(peppers)));
  if (absl::Status s = app->OpenStore(clock); !s.ok()) return s;
  if (absl::Status s = app->LoadCallers(config); !s.ok()) return s;
  app->StartSweep();
  if (absl::Status s = app->StartGrpc(); !s.ok()) return s;
  app->memory_guard_ = GuardMemory(app->config_, app->grpc_address_);
  if (absl::Status s = app->StartHttp(); !s.ok()) return s;
  app->StartTimer();
  app->serving_ = true;
  return app;
}

App::~App() { Stop(); }

absl::Status App::OpenStore(const Clock& clock) {
  RocksDbStoreOptions options;
  options.data_dir = config_.store.data_dir.string();
  options.clock = &clock;
  options.random = &random_;
  options.memory_bytes =
      config_.store.memory_bytes - config_.store.memory_bytes / kRecordCacheShare;
  options.accept_older_state = config_.store.accept_older_state;
  options.usage_retention = config_.store.usage_retention;
  ReserveDisk(config_.store.disk_reserve_bytes, options);
  options.commit.observer = [this](const BatchStats& batch) { metrics_.ObserveBatch(batch); };
  absl::StatusOr<std::unique_ptr<RocksDbStore>> store = RocksDbStore::Open(options);
  if (!store.ok()) return store.status();
  store_ = *std::move(store);
  disk_watch_ =
      std::make_unique<DiskWatch>(DiskWatch::Store{[this] { return store_->health(); },
                                                   [this] { return store_->RestoreBallast(); }},
                                  metrics_);
  if (options.accept_older_state) {
    log::Warning("a new history has begun: --accept-older-state is for one start only",
                 {{"epoch", store_->epoch().ToHex()}});
  }
  clock_ = std::make_unique<RatchetClock>(clock, store_->highest_time_seen());

  cache_ = std::make_unique<RecordCache>(
      *store_, config_.store.memory_bytes / kRecordCacheShare / kBytesPerCachedRecord);
  if (absl::Status s = cache_->LoadDeletedProjects(); !s.ok()) return s;
  store_->AddListener(cache_.get());
  absl::StatusOr<std::unique_ptr<AdminKeys>> admins = AdminKeys::Load(*store_, [this] {
    return config_.tls_enabled() && config_.tls.client_auth != ClientAuth::kNone &&
           callers_.HasAdministrator();
  });
  if (!admins.ok()) return admins.status();
  admins_ = *std::move(admins);
  store_->AddListener(admins_.get());
  if (absl::Status s = StartSync(); !s.ok()) return s;
  refusals_ = std::make_unique<RefusalRecorder>(*store_, *clock_, metrics_.audit(),
                                                RefusalRecorder::Limits());
  audit_watch_ = std::make_unique<AuditWatch>(*store_);
  store_->AddListener(&audit_counter_);
  store_->AddListener(audit_watch_.get());

  const std::filesystem::path root_key_file = config_.store.data_dir / kRootKeyFile;
  absl::StatusOr<bool> bootstrapped =
      BootstrapIfNew(*store_, peppers_, random_, *clock_, root_key_file);
  if (!bootstrapped.ok()) return bootstrapped.status();
  if (*bootstrapped) {
    log::Info("first start: made a root key", {{"file", root_key_file.string()}});
  }
  if (absl::Status s = CheckPeppers(*store_, peppers_, clock_->Now()); !s.ok()) return s;
  return options.accept_older_state ? RecordOlderState(*store_) : absl::OkStatus();
}

absl::Status App::StartSync() {
  absl::StatusOr<sync::SyncLoopOptions> options =
      MakeSyncOptions(*store_, *clock_, config_.sync.lease);
  if (!options.ok()) return options.status();
  sync_observer_ = std::make_unique<SyncMetricsObserver>(metrics_.sync());
  sync_ = std::make_unique<sync::SyncLoop>(*std::move(options), *clock_, *sync_observer_);
  // Behind the cache: the authority itself rejects before any verifier is told.
  store_->AddListener(sync_.get());
  return absl::OkStatus();
}

absl::Status App::LoadCallers(const ServerConfig& config) {
  if (config.callers.caller_map.empty()) {
    callers_.Replace(CallerMap());
    return absl::OkStatus();
  }
  absl::StatusOr<CallerMap> map = LoadCallerMap(config.callers.caller_map.string());
  if (!map.ok()) return map.status();
  callers_.Replace(*std::move(map));
  return absl::OkStatus();
}

absl::Status App::StartGrpc() {
  verify_observer_ = std::make_unique<VerifyMetrics>(metrics_);
  redigester_ = std::make_unique<Redigester>(*store_, peppers_, *clock_);
  verifier_ =
      std::make_unique<Verifier>(*cache_, peppers_, *clock_, *verify_observer_, redigester_.get());
  authenticator_ = std::make_unique<Authenticator>(*verifier_, callers_, *clock_, &usage_);
  keys_ = std::make_unique<KeyManager>(*store_, peppers_, random_, *clock_, admins_.get());
  bulk_ = std::make_unique<BulkRevoker>(*keys_, *store_, *clock_);
  lookup_ = std::make_unique<KeyLookup>(*verifier_);
  importer_ = std::make_unique<KeyImporter>(*store_, peppers_, random_, *clock_);
  projects_ =
      std::make_unique<ProjectManager>(*store_, *clock_, [this] { sweep_timer_->RunAllSoon(); });
  workers_ = std::make_unique<WorkerPool>(kListThreads, kMaxWaitingLists);
  bulk_workers_ = std::make_unique<WorkerPool>(kBulkRevokeThreads, kMaxWaitingBulkRevokes);
  usage_reports_ = std::make_unique<UsageReports>(*verifier_, usage_, *clock_);
  usage_flusher_ = std::make_unique<UsageFlusher>(
      usage_, *store_, *clock_,
      UsageFlusher::Hooks{
          .first_use = [this](const KeyId& id, absl::Time at) { BeginGrace(id, at); },
          .on_flush =
              [this](const UsageFlush& flush) {
                metrics_.ObserveUsageFlush(flush.took, flush.dropped);
              }});

  const RpcEnvironment environment{
      *authenticator_, *clock_, metrics_, *refusals_, config_.store.deleted_key_retention,
      &caller_marks_};
  key_authority_ =
      std::make_unique<KeyAuthorityService>(environment, *keys_, *lookup_, *importer_, *store_,
                                            *workers_, *sync_, *bulk_, *bulk_workers_);
  projects_service_ = std::make_unique<ProjectsService>(environment, *projects_, *workers_, *sync_);
  audit_service_ = std::make_unique<AuditService>(environment, *store_, *workers_, *audit_watch_);
  verifier_service_ = std::make_unique<VerifierService>(environment, *verifier_, *clock_, *sync_,
                                                        store_->epoch(), usage_, *usage_reports_);
  usage_service_ = std::make_unique<UsageService>(environment, *store_, *workers_);

  absl::StatusOr<std::unique_ptr<CertificateReloader>> certificates =
      MakeCertificates(config_, *clock_, metrics_);
  if (!certificates.ok()) return certificates.status();
  certificates_ = *std::move(certificates);
  GrpcParts parts;
  parts.credentials = certificates_ != nullptr ? certificates_->NewCredentials()
                                               : grpc::InsecureServerCredentials();
  parts.services = {key_authority_.get(), projects_service_.get(), audit_service_.get(),
                    verifier_service_.get(), usage_service_.get()};
  parts.unknown_methods = &unknown_methods_;
  parts.caller_marks = &caller_marks_;
  parts.metrics = &metrics_.connections();
  absl::StatusOr<GrpcServer> started = StartGrpcServer(config_, parts);
  if (!started.ok()) return started.status();
  grpc_ = *std::move(started);
  grpc_address_ = grpc_.address;
  return absl::OkStatus();
}

absl::Status App::StartHttp() {
  if (!config_.listen.http.has_value()) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<HttpEndpoint>> http = HttpEndpoint::Start(
      *config_.listen.http, {.render_metrics = [this] { return metrics_.RenderText(); },
                             .ready = [this] { return Ready(); },
                             .degraded = [this] { return DiskWatch::Describe(store_->health()); },
                             .version = CLAVIGER_VERSION});
  if (!http.ok()) return http.status();
  http_ = *std::move(http);
  http_address_ = config_.listen.http->WithPort(http_->port()).ToString();
  return absl::OkStatus();
}

// On a thread of its own: it may have much to do, and the timer's tasks are to come in time.
void App::StartSweep() {
  sweeper_ = std::make_unique<KeySweeper>(*store_, *clock_, config_.store.deleted_key_retention);
  std::vector<PeriodicTasks::Task> tasks;
  tasks.push_back({kSweepInterval, [this] {
                     if (const absl::Status s = sweeper_->Run(); !s.ok()) {
                       log::Warning("what was deleted is not all removed yet",
                                    {{"why", std::string(s.message())}});
                     }
                   }});
  sweep_timer_ = std::make_unique<PeriodicTasks>(*clock_, std::move(tasks));
}

void App::StartTimer() {
  std::vector<PeriodicTasks::Task> tasks;
  tasks.push_back({kGaugeInterval, [this] { RefreshGauges(); }});
  tasks.push_back({kSecond, [this] { clock_->Raise(); }});
  tasks.push_back({kSecond, [this] { disk_watch_->Look(); }});
  tasks.push_back({kSecond, [this] { audit_watch_->CheckCallers(); }});
  tasks.push_back({kLeftOutInterval, [this] { refusals_->RecordLeftOut(); }});
  if (certificates_ != nullptr) {
    tasks.push_back({kSecond, [this] { certificates_->Poll(); }});
  }
  timer_ = std::make_unique<PeriodicTasks>(*clock_, std::move(tasks));

  // A flush may write very many keys; the floor of the clock and the callers are not to wait for
  // it.
  usage_timer_ = std::make_unique<PeriodicTasks>(
      *clock_,
      std::vector<PeriodicTasks::Task>{{kSecond, [this] { usage_flusher_->FlushIfDue(); }}});

  key_gauges_ = std::make_unique<KeyGauges>(
      *store_, *clock_, metrics_.keys(),
      KeyGaugeOptions{.last_uses = LastUsesOf(*store_), .projects = config_.metrics.projects});
  count_timer_ = std::make_unique<PeriodicTasks>(
      *clock_, std::vector<PeriodicTasks::Task>{
                   {kExpiryInterval, [this] { key_gauges_->RefreshExpiring(); }},
                   {kWalkInterval, [this] { key_gauges_->WalkSlice(); }}});
}

void App::BeginGrace(const KeyId& successor, absl::Time first_use) {
  keys_->BeginGrace(successor, first_use,
                    [successor](const absl::StatusOr<std::shared_ptr<const KeyRecord>>& begun) {
                      if (begun.ok()) return;
                      // The flusher comes back to it while the grace waits.
                      log::Warning("a grace that waits for the first use has not begun",
                                   {{"key_id", successor.ToString()},
                                    {"why", std::string(begun.status().message())}});
                    });
}

void App::RefreshGauges() {
  metrics_.SetRecordCacheEntries(cache_->size());
  const absl::Duration started = clock_->SinceBoot();
  if (started < stats_due_) return;
  absl::StatusOr<StoreStats> stats = store_->Stats(clock_->Now());
  // Where very many keys have expired, counting them takes a while: it gets a small part of the
  // time.
  const absl::Duration now = clock_->SinceBoot();
  stats_due_ = now + kStatsRestFactor * (now - started);
  if (stats.ok()) {
    pepper_report_.Complete(*stats);
    metrics_.SetStoreStats(*stats);
  } else {
    log::Warning("the store's figures cannot be read",
                 {{"why", std::string(stats.status().message())}});
  }
}

absl::Status App::Ready() const {
  if (!serving_) return absl::UnavailableError("starting or stopping");
  return store_->health().writable;
}

void App::Reload(const ServerConfig& config) {
  log::SetLevel(config.log.level);
  if (absl::Status s = LoadCallers(config); s.ok()) {
    log::Info("caller map reloaded");
  } else {
    log::Error("new caller map refused, the old one stays", {{"why", std::string(s.message())}});
  }
  timer_->RunAllSoon();
  usage_timer_->RunAllSoon();
  sweep_timer_->RunAllSoon();
  ComparePeppers(config);
  for (const std::string& setting : ChangedSettings(config_, config)) {
    if (setting == "log-level" || setting == "caller-map") continue;
    log::Warning("a changed setting needs a restart", {{"setting", setting}});
  }
}

void App::ComparePeppers(const ServerConfig& config) const {
  const absl::StatusOr<PepperSet> peppers =
      LoadPeppers(config.callers.pepper_file, /*make_missing=*/false, random_);
  if (!peppers.ok()) {
    log::Error("the pepper file is not fit for the next start",
               {{"why", std::string(peppers.status().message())}});
  } else if (!SamePeppers(*peppers, peppers_)) {
    log::Warning("a changed pepper file needs a restart",
                 {{"file", config.callers.pepper_file.string()}});
  }
}

void App::Stop() {
  if (stopped_) return;
  stopped_ = true;
  // The opposite order of the start: first nobody new comes in, then what runs ends, then what it
  // used.
  serving_ = false;
  // Streams do not end by themselves, and what waits for verifiers is answered as pending.
  if (bulk_ != nullptr) bulk_->Stop();
  if (sweeper_ != nullptr) sweeper_->Stop();
  const absl::Duration leases_left = sync_ != nullptr ? sync_->Stop() : absl::ZeroDuration();
  if (audit_watch_ != nullptr) audit_watch_->Stop();
  grpc_.Stop(config_.drain_timeout);
  memory_guard_.reset();
  if (http_ != nullptr) http_->Stop();
  timer_.reset();
  usage_timer_.reset();
  count_timer_.reset();
  workers_.reset();
  bulk_workers_.reset();
  usage_reports_.reset();
  if (store_ == nullptr) return;
  if (refusals_ != nullptr) refusals_->RecordLeftOut();
  if (usage_flusher_ != nullptr) usage_flusher_->Flush();
  if (sync_ != nullptr) RecordRemainingLeases(*store_, leases_left);
  store_->Close();
  // Behind the last change: one that deletes a project still wakes it.
  sweep_timer_.reset();
}

}  // namespace claviger
