// The file that says which client certificates are which callers.
#ifndef CLAVIGER_SERVER_MANAGE_CALLER_MAP_H_
#define CLAVIGER_SERVER_MANAGE_CALLER_MAP_H_

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "server/manage/caller.h"

namespace claviger {

using CallerMap = absl::flat_hash_map<std::string, std::shared_ptr<const CertificateIdentity>>;

// Reads the JSON of `claviger.config.v1.CallerMap`. INVALID_ARGUMENT names the entry: not JSON, an
// unknown field, a SAN without its kind or twice, a permission that does not exist, a bad project
// id.
absl::StatusOr<CallerMap> ParseCallerMap(const std::string& json);
// The same from a file; the error names the file.
absl::StatusOr<CallerMap> LoadCallerMap(const std::string& path);

// The map in force, replaced as a whole on reload.
//
// Thread safety: all methods may be called from any thread at once.
class CallerMapHolder {
 public:
  void Replace(CallerMap map);
  // Null when no caller has this SAN.
  std::shared_ptr<const CertificateIdentity> Find(const std::string& san) const;
  // Whether some caller may do everything in all projects.
  bool HasAdministrator() const;

 private:
  std::shared_ptr<const CallerMap> Map() const;

  mutable absl::Mutex mutex_;
  std::shared_ptr<const CallerMap> map_ ABSL_GUARDED_BY(mutex_) = std::make_shared<CallerMap>();
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_CALLER_MAP_H_
