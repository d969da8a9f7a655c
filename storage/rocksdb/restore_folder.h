// The steps of a restore in a data folder, so that it can end at any moment and be run again.
//
//   restoring/        while a restore goes on; a server does not start beside it
//     db/             the files of the backup, then the database
//     watermark, …    what else goes into the data folder
//     complete        written once all in there is checked and durable: from then on a restore is
//                     only moved to its place, whoever runs it again
//
// Nothing outside of restoring/ is ever removed.
#ifndef CLAVIGER_STORAGE_ROCKSDB_RESTORE_FOLDER_H_
#define CLAVIGER_STORAGE_ROCKSDB_RESTORE_FOLDER_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/rocksdb/data_dir.h"

namespace claviger {

inline constexpr char kRestoringFolder[] = "restoring";
inline constexpr char kCompleteFile[] = "complete";

// OK when a store can be opened in `dir`. FAILED_PRECONDITION, with what to do: a restore into it
// began and did not end, or a folder of that name stands beside a store. An empty one beside a
// database is the end of a restore that was killed at its last step, and goes.
absl::Status CheckNotBeingRestored(const DataDir& dir);

// OK where the folder `path` does not exist, or has nothing but what an interrupted restore left
// and files named in `own`, which belong to the server. Else FAILED_PRECONDITION, with what to do.
// Changes nothing.
absl::Status CheckFitToRestoreInto(const std::string& path, const std::vector<std::string>& own);

// What MarkRestoreComplete wrote in `dir`; nullopt: nothing is ready to be moved to its place.
absl::StatusOr<std::optional<std::string>> FindCompleteRestore(const DataDir& dir);

// Removes what an interrupted restore left in kRestoringFolder; the path of that folder, new and
// empty. FAILED_PRECONDITION as CheckFitToRestoreInto, or where one is complete.
absl::StatusOr<std::string> BeginRestore(const DataDir& dir, const std::vector<std::string>& own);
// Removes kRestoringFolder. REQUIRES: it is not complete.
absl::Status AbandonRestore(const DataDir& dir);
// Says that all in kRestoringFolder is checked, durable and closed, with `what` for those who look
// later. Durable when it returns OK.
absl::Status MarkRestoreComplete(const DataDir& dir, std::string_view what);
// Moves what is in kRestoringFolder, which is complete, to its place, the database last, and
// removes the folder. Nothing is replaced: FAILED_PRECONDITION where something of a name is there
// already, before anything is moved. Durable when it returns OK; after an error or the end of the
// process to be called again. `before_step` is asked before each change of the disk, and ends it
// there by an error: for tests.
absl::Status FinishRestore(const DataDir& dir,
                           const std::function<absl::Status()>& before_step = nullptr);

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_RESTORE_FOLDER_H_
