// The files that a scan reads.
#ifndef CLAVIGER_CLIENT_CLI_SCAN_FILES_H_
#define CLAVIGER_CLIENT_CLI_SCAN_FILES_H_

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace claviger::cli {

// What to do with one file; false ends the walk.
using VisitFile = std::function<bool(const std::string& path)>;
// What could not be read, and why. The walk goes on.
using SkippedFile = std::function<void(const std::string& path, const std::string& why)>;

// Visits `path`, or, where it is a folder, all regular files below it. Links below a folder are not
// followed. False: a visit ended it.
bool WalkFiles(const std::string& path, const VisitFile& visit, const SkippedFile& skipped);

// Reads a file, or `in_fd` for `-`, to its end in pieces of a bounded size, which are cleansed.
// `take` returns false to stop.
absl::Status ReadInPieces(const std::string& path, int in_fd,
                          const std::function<bool(std::string_view)>& take);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_SCAN_FILES_H_
