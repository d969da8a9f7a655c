#include "server/app/restore.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "core/ratchet_clock.h"
#include "core/status.h"
#include "fmt/format.h"
#include "server/app/bootstrap.h"
#include "server/app/checked_sink.h"
#include "server/app/disk_reserve.h"
#include "server/app/restore_report.h"
#include "server/manage/admin_keys.h"
#include "server/manage/caller_map.h"
#include "server/rpc/audit_export_file.h"
#include "storage/rocksdb/restore_folder.h"
#include "storage/rocksdb/restoring.h"
#include "storage/rocksdb/rocksdb_store.h"

namespace claviger {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNobodyIsLeft = "a restore left nobody who may do everything";
constexpr std::string_view kAskedFor = "a restore asked for it";

absl::Status Refuse(std::string message) {
  return ErrorBuilder(absl::StatusCode::kFailedPrecondition, Reason::kConfigInvalid)
      .Build(std::move(message));
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone());
}

// Removes the folder where a data folder was to be, as far as it is empty, unless it was there
// before.
class FolderLeftAsItWas {
 public:
  explicit FolderLeftAsItWas(std::string path)
      : path_(std::move(path)), had_(Exists(path_)), had_database_(Exists(path_ + "/db")) {}
  ~FolderLeftAsItWas() {
    if (!had_database_) rmdir((path_ + "/db").c_str());
    if (!had_) rmdir(path_.c_str());
  }
  FolderLeftAsItWas(const FolderLeftAsItWas&) = delete;
  FolderLeftAsItWas& operator=(const FolderLeftAsItWas&) = delete;

  bool had_database() const { return had_database_; }

 private:
  static bool Exists(const std::string& path) {
    std::error_code ignored;
    return fs::exists(path, ignored);
  }

  const std::string path_;
  const bool had_;
  const bool had_database_;
};

// What a restore that is complete says of itself, ended by an empty line; a report follows.
std::string Identity(const BackupHeader& header, const std::optional<AuditHead>& export_end) {
  return fmt::format("claviger-restore 1\nbackup {} {} {}\naudit-export {}\n\n",
                     header.epoch.ToHex(), header.head.ToString(),
                     absl::ToUnixNanos(header.create_time),
                     export_end.has_value() ? export_end->ToString() : "none");
}

// Whether some client certificate may do everything. A map that cannot be read gives nobody
// anything.
bool ACertificateMay(const ServerConfig& config) {
  if (!config.tls_enabled() || config.tls.client_auth == ClientAuth::kNone ||
      config.callers.caller_map.empty()) {
    return false;
  }
  absl::StatusOr<CallerMap> map = LoadCallerMap(config.callers.caller_map.string());
  if (!map.ok()) return false;
  CallerMapHolder holder;
  holder.Replace(*std::move(map));
  return holder.HasAdministrator();
}

class Restoration {
 public:
  Restoration(const ServerConfig& config, const RestoreRequest& request, const Clock& clock,
              RandomSource& random, const RestoreProgress& progress)
      : config_(config),
        request_(request),
        clock_(clock),
        random_(random),
        progress_(progress),
        data_dir_(config.store.data_dir.string()) {}

  absl::StatusOr<std::string> Run() {
    const FolderLeftAsItWas left(data_dir_);
    absl::StatusOr<PepperSet> peppers =
        LoadPeppers(config_.callers.pepper_file, /*make_missing=*/false, random_);
    if (!peppers.ok()) return peppers.status();
    peppers_.emplace(*std::move(peppers));
    const std::vector<std::string> own = OwnFiles();
    // Before anything is made in a folder that is somebody else's. A running server is told by its
    // lock.
    if (!left.had_database()) {
      if (absl::Status s = CheckFitToRestoreInto(data_dir_, own); !s.ok()) return s;
    }
    absl::StatusOr<std::unique_ptr<DataDir>> dir = DataDir::Open(data_dir_);
    if (!dir.ok()) return dir.status();
    const absl::StatusOr<std::optional<std::string>> earlier = FindCompleteRestore(**dir);
    if (!earlier.ok()) return earlier.status();
    if (earlier->has_value()) return FinishEarlier(**dir, **earlier);
    std::error_code ignored;
    if (request_.dry_run && fs::exists(fs::path(data_dir_) / kRestoringFolder, ignored)) {
      return Refuse(
          fmt::format("{} has what an interrupted restore left, which a dry run does not touch: "
                      "give another --data",
                      data_dir_));
    }
    const absl::StatusOr<std::string> folder = BeginRestore(**dir, own);
    if (!folder.ok()) return folder.status();
    absl::StatusOr<std::string> report = Prepare(*folder);
    if (!report.ok() || request_.dry_run) {
      const absl::Status abandoned = AbandonRestore(**dir);
      return report.ok() && !abandoned.ok() ? abandoned : report;
    }
    if (absl::Status s = MarkRestoreComplete(**dir, Identity(*header_, export_end_) + *report);
        !s.ok()) {
      return s;
    }
    if (absl::Status s = FinishRestore(**dir); !s.ok()) return s;
    return report;
  }

 private:
  void Say(std::string_view step) const {
    if (progress_) progress_(step);
  }

  // What may stand in the data folder and is the server's.
  std::vector<std::string> OwnFiles() const {
    std::error_code ignored;
    const fs::path pepper = fs::absolute(config_.callers.pepper_file, ignored);
    // Whatever it links to: its name is what stands there.
    if (!fs::equivalent(pepper.parent_path(), data_dir_, ignored)) return {};
    return {pepper.filename().string()};
  }

  // Moves what an earlier run left complete to its place, if that is what is asked for.
  absl::StatusOr<std::string> FinishEarlier(const DataDir& dir, const std::string& mark) {
    if (request_.dry_run) {
      return Refuse(
          fmt::format("{} has a restore that is complete but for its last step: run it again "
                      "without --dry-run, or give another --data",
                      data_dir_));
    }
    // The header is enough: what it stands for was read and checked.
    CheckedSink sink(nullptr, [this](const BackupHeader& header) {
      header_ = header;
      return absl::CancelledError("");
    });
    const absl::Status read = ReadBackup(request_.file, &sink).status();
    if (!header_.has_value()) return read;
    if (!request_.audit_export.empty()) {
      if (absl::Status s = ReadExport(*header_); !s.ok()) return s;
    }
    const std::string identity = Identity(*header_, export_end_);
    if (!mark.starts_with(identity)) {
      return Refuse(
          fmt::format("{} has a restore of another backup, or with another audit export, that is "
                      "complete but for its last step. Run it again as it was, or remove {} and "
                      "what it moved, and begin anew",
                      data_dir_, data_dir_));
    }
    if (absl::Status s = FinishRestore(dir); !s.ok()) return s;
    return "an earlier run had made and checked all of this; it was moved to its place now\n" +
           mark.substr(identity.size());
  }

  absl::Status CheckHeader(const BackupHeader& header) {
    header_ = header;
    std::vector<std::string> missing;
    for (const auto& [id, keys] : header.peppers) {
      if (keys == 0 || peppers_->Contains(id)) continue;
      missing.push_back(fmt::format("{} ({} keys need it)", id, keys));
    }
    if (!missing.empty()) {
      return Refuse(
          fmt::format("the pepper file {} lacks [{}]: give the one of the time of the backup",
                      config_.callers.pepper_file.string(), fmt::join(missing, ", ")));
    }
    if (!request_.audit_export.empty()) {
      Say("reading the audit export");
      if (absl::Status s = ReadExport(header); !s.ok()) return s;
    } else if (!request_.dry_run && !config_.store.accept_older_state) {
      return Refuse(fmt::format(
          "the backup was made at {}: keys that were revoked, disabled or narrowed since would be "
          "good again. Give --audit-export FILE (what `claviger audit export` wrote after that), "
          "so that they are not; or, knowing that, --accept-older-state",
          TimeText(header.create_time)));
    }
    Say(fmt::format("unpacking {} MiB", (header.TotalBytes() >> 20) + 1));
    return absl::OkStatus();
  }

  absl::Status ReadExport(const BackupHeader& header) {
    const auto foreign = [&] {
      return Refuse(
          fmt::format("the audit export {} is not of the store that the backup was made of: "
                      "revision {} is another change there. Give the export of that store",
                      request_.audit_export, header.head.revision.value));
    };
    const std::optional<AuditHead>& kept = request_.audit_head;
    bool has_kept = !kept.has_value();
    const absl::StatusOr<AuditHead> end = ReadAuditExport(
        request_.audit_export, [&](const AuditEntry& entry, const Sha256Bytes& hash) {
          export_time_ = entry.time;
          if (kept.has_value() && entry.revision == kept->revision) has_kept = hash == kept->hash;
          if (entry.revision > header.head.revision) return later_.Add(entry);
          const bool joins = entry.revision < header.head.revision || hash == header.head.hash;
          return joins ? absl::OkStatus() : foreign();
        });
    if (!end.ok()) return end.status();
    if (end->revision < header.head.revision) {
      return Refuse(
          fmt::format("the audit export {} ends at revision {}, before the backup, which is of "
                      "revision {}: it says nothing of what was taken away since. Give a newer one",
                      request_.audit_export, end->revision.value, header.head.revision.value));
    }
    if (!has_kept) {
      return Refuse(fmt::format(
          "the audit export {} does not have the head {} (--audit-head): its end was cut "
          "off, or it was made anew. Give the export that it was kept for, or a later one",
          request_.audit_export, kept->ToString()));
    }
    export_end_ = *end;
    return absl::OkStatus();
  }

  // All that is done before anything is moved.
  absl::StatusOr<std::string> Prepare(const std::string& folder) {
    const uint64_t reserve = config_.store.disk_reserve_bytes;
    BackupUnpacker unpacker(folder, reserve + BallastBytes(reserve));
    CheckedSink sink(&unpacker, [this](const BackupHeader& header) { return CheckHeader(header); });
    const absl::StatusOr<BackupHeader> header = ReadBackup(request_.file, &sink);
    if (!header.ok()) return header.status();
    Say("checking every record");
    const absl::StatusOr<FullScanReport> scan =
        ScanUnpacked(folder, *header, StoreMemory(), clock_, config_.store.usage_retention);
    if (!scan.ok()) return scan.status();

    RestoreReport report{.dry_run = request_.dry_run,
                         .file = request_.file,
                         .data_dir = data_dir_,
                         .header = *header};
    report.projects = scan->projects;
    report.enabled = scan->state.counts.enabled;
    report.disabled = scan->state.counts.disabled;
    report.revoked = scan->state.counts.revoked;
    report.deleted = scan->state.counts.deleted;
    report.export_end = export_end_;
    report.export_time = export_time_;
    if (absl::Status s = Change(folder, report); !s.ok()) return s;
    return RenderRestoreReport(report);
  }

  size_t StoreMemory() const { return config_.store.memory_bytes - config_.store.memory_bytes / 4; }

  // Opens the unpacked store under a new epoch, and makes it what it is to be.
  absl::Status Change(const std::string& folder, RestoreReport& report) {
    RocksDbStoreOptions options;
    options.data_dir = folder;
    options.clock = &clock_;
    options.random = &random_;
    options.memory_bytes = StoreMemory();
    options.usage_retention = config_.store.usage_retention;
    ReserveDisk(config_.store.disk_reserve_bytes, options);
    // The first start sets it aside.
    options.ballast_bytes = 0;
    // A new epoch, and leases of any length that the old server may have granted.
    options.accept_older_state = true;
    const absl::StatusOr<std::unique_ptr<RocksDbStore>> opened = RocksDbStore::Open(options);
    if (!opened.ok()) return opened.status();
    RocksDbStore& store = **opened;
    const RatchetClock clock(clock_, store.highest_time_seen());
    report.new_epoch = store.epoch();
    if (absl::Status s = RecordRestore(store, DetailOf(report)); !s.ok()) return s;
    if (absl::Status s = CheckPeppers(store, *peppers_, clock.Now()); !s.ok()) return s;
    Say("taking away again what was taken away behind the backup");
    absl::StatusOr<std::vector<TakenAgain>> taken = TakeAwayAgain(store, later_, clock);
    if (!taken.ok()) return taken.status();
    report.taken_again = *std::move(taken);
    absl::StatusOr<std::vector<LostKey>> lost = FindLostKeys(store, later_);
    if (!lost.ok()) return lost.status();
    report.lost_keys = *std::move(lost);
    if (absl::Status s = FindLostProjects(store, report.lost_projects); !s.ok()) return s;
    if (absl::Status s = SeeToAnAdministrator(store, clock, folder, report); !s.ok()) return s;
    const absl::StatusOr<AuditHead> head = store.ReadAuditHead();
    if (!head.ok()) return head.status();
    report.new_head = *head;
    store.Close();
    // Whether the watermark could be written, too.
    return store.health().writable;
  }

  std::string DetailOf(const RestoreReport& report) const {
    const BackupHeader& header = report.header;
    return fmt::format(
        "backup of revision {}, history {}, made {}; {}; new history {}",
        header.head.revision.value, header.epoch.ToHex(), TimeText(header.create_time),
        export_end_.has_value() ? fmt::format("audit export up to {}", export_end_->ToString())
                                : "no audit export",
        report.new_epoch.ToHex());
  }

  absl::Status FindLostProjects(const KeyStore& store, std::vector<LostProject>& lost) const {
    for (const auto& [project_id, made] : later_.made_projects()) {
      const auto deleted = later_.deleted_projects().find(project_id);
      if (deleted != later_.deleted_projects().end() && deleted->second.revision > made.revision) {
        continue;
      }
      const auto there = store.FindProject(project_id);
      if (!there.ok()) return there.status();
      if (*there == nullptr) lost.push_back({project_id, made});
    }
    std::sort(lost.begin(), lost.end(), [](const LostProject& a, const LostProject& b) {
      return a.made.revision < b.made.revision;
    });
    return absl::OkStatus();
  }

  absl::Status SeeToAnAdministrator(KeyStore& store, const Clock& clock, const std::string& folder,
                                    RestoreReport& report) {
    const absl::StatusOr<bool> somebody = AdminKeys::AnyIn(store, clock.Now());
    if (!somebody.ok()) return somebody.status();
    const bool needed = !*somebody && !ACertificateMay(config_);
    if (!needed && !request_.new_root_key) return absl::OkStatus();
    // One without the project of management keys was never started: its first start makes one.
    const auto project = store.FindProject(std::string(kManagementProject));
    if (!project.ok()) return project.status();
    if (*project == nullptr) return absl::OkStatus();
    const absl::StatusOr<KeyId> made =
        AddRootKey(store, *peppers_, random_, clock, fs::path(folder) / kRootKeyFile,
                   std::string(needed ? kNobodyIsLeft : kAskedFor));
    if (!made.ok()) return made.status();
    report.root_key_file = (fs::path(data_dir_) / kRootKeyFile).string();
    return absl::OkStatus();
  }

  const ServerConfig& config_;
  const RestoreRequest& request_;
  const Clock& clock_;
  RandomSource& random_;
  const RestoreProgress& progress_;
  const std::string data_dir_;
  std::optional<PepperSet> peppers_;
  std::optional<BackupHeader> header_;
  LaterChanges later_;
  std::optional<AuditHead> export_end_;
  absl::Time export_time_;
};

}  // namespace

absl::StatusOr<std::string> RestoreBackup(const ServerConfig& config, const RestoreRequest& request,
                                          const Clock& clock, RandomSource& random,
                                          const RestoreProgress& progress) {
  // Whatever is made below is this user's alone.
  umask(S_IRWXG | S_IRWXO);
  return Restoration(config, request, clock, random, progress).Run();
}

}  // namespace claviger
