// Counts of checks and last uses in ordered maps.
#ifndef CLAVIGER_STORAGE_MEMORY_MEMORY_USAGE_H_
#define CLAVIGER_STORAGE_MEMORY_MEMORY_USAGE_H_

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "storage/usage.h"

namespace claviger {

// Thread safety: like a std::map.
class MemoryUsage {
 public:
  void Add(const UsageDelta& delta);
  std::vector<UsageRow> Read(const UsageSubject& subject, UsageHour first, UsageHour last) const;
  std::optional<LastUse> FindLastUse(const KeyId& id) const;
  // Drops all that a key or a project has.
  void Forget(const UsageSubject& subject);
  // Drops what is before `oldest`.
  void Trim(UsageHour oldest);

 private:
  std::map<std::pair<UsageSubject, UsageHour>, UsageCounts> counts_;
  std::map<KeyId, LastUse> last_uses_;
};

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_MEMORY_MEMORY_USAGE_H_
