// What a backup has, for people and for scripts.
#ifndef CLAVIGER_CLIENT_CLI_BACKUP_VIEW_H_
#define CLAVIGER_CLIENT_CLI_BACKUP_VIEW_H_

#include <claviger/v1/admin.pb.h>

#include <string>

#include "absl/time/time.h"
#include "client/cli/table.h"
#include "core/backup_format.h"

namespace claviger::cli {

// As the server says it.
v1::BackupHeader ToProto(const BackupHeader& header);

// `file` may be empty: the backup is in none.
FieldList BackupFields(const BackupHeader& header, const std::string& file, absl::Time now);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_BACKUP_VIEW_H_
