// What a restore did, for whoever ran it.
#ifndef CLAVIGER_SERVER_APP_RESTORE_REPORT_H_
#define CLAVIGER_SERVER_APP_RESTORE_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "core/audit_entry.h"
#include "core/backup_format.h"
#include "core/revision.h"
#include "server/manage/take_away_again.h"

namespace claviger {

// A project that was made behind the backup.
struct LostProject {
  std::string project_id;
  LoggedChange made;
};

struct RestoreReport {
  bool dry_run = false;
  std::string file;
  std::string data_dir;
  BackupHeader header;
  uint64_t projects = 0;
  // By what is stored of their state, as the backup has them.
  uint64_t enabled = 0;
  uint64_t disabled = 0;
  uint64_t revoked = 0;
  uint64_t deleted = 0;
  Epoch new_epoch;
  AuditHead new_head;
  // The end of the audit export, with the time of its last entry; nullopt: none was given.
  std::optional<AuditHead> export_end;
  absl::Time export_time;
  std::vector<TakenAgain> taken_again;
  std::vector<LostKey> lost_keys;
  std::vector<LostProject> lost_projects;
  std::string root_key_file;  // empty: none was made
};

// Lines for a terminal, whatever stands in the records.
std::string RenderRestoreReport(const RestoreReport& report);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_APP_RESTORE_REPORT_H_
