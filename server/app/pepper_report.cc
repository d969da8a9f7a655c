#include "server/app/pepper_report.h"

#include <vector>

#include "server/logging/log.h"

namespace claviger {

void PepperReport::Complete(StoreStats& stats) {
  for (const std::string& id : peppers_.ids()) {
    const uint64_t keys = stats.keys_by_pepper.try_emplace(id, 0).first->second;
    if (id == peppers_.writing_id()) continue;
    const auto [last, is_first] = last_.try_emplace(id, keys);
    if (keys == 0 && (is_first || last->second != 0)) {
      log::Info("no key needs this older pepper any more: it may go from the pepper file",
                {{"pepper", id}});
    } else if (is_first) {
      log::Info("keys need an older pepper until they are used",
                {{"pepper", id}, {"keys", std::to_string(keys)}});
    }
    last->second = keys;
  }
}

bool SamePeppers(const PepperSet& a, const PepperSet& b) {
  const std::vector<std::string> ids = a.ids();
  if (ids != b.ids()) return false;
  bool same = true;
  for (const std::string& id : ids) {
    const absl::StatusOr<KeyDigest> one = a.Canary(id);
    const absl::StatusOr<KeyDigest> other = b.Canary(id);
    same = one.ok() && other.ok() && Equal(*one, *other) && same;
  }
  return same;
}

}  // namespace claviger
