#include "storage/memory/memory_usage.h"

namespace claviger {

void MemoryUsage::Add(const UsageDelta& delta) {
  if (!delta.counts.empty()) {
    counts_[{delta.key_id, delta.hour}].Add(delta.counts);
    counts_[{delta.project_id, delta.hour}].Add(delta.counts);
  }
  if (!delta.last_use.has_value()) return;
  const auto [it, is_new] = last_uses_.try_emplace(delta.key_id, *delta.last_use);
  if (!is_new && delta.last_use->time > it->second.time) it->second = *delta.last_use;
}

std::vector<UsageRow> MemoryUsage::Read(const UsageSubject& subject, UsageHour first,
                                        UsageHour last) const {
  std::vector<UsageRow> rows;
  for (auto it = counts_.lower_bound({subject, first});
       it != counts_.end() && it->first.first == subject && it->first.second <= last; ++it) {
    rows.push_back({.hour = it->first.second, .counts = it->second});
  }
  return rows;
}

std::optional<LastUse> MemoryUsage::FindLastUse(const KeyId& id) const {
  const auto it = last_uses_.find(id);
  if (it == last_uses_.end()) return std::nullopt;
  return it->second;
}

void MemoryUsage::Forget(const UsageSubject& subject) {
  std::erase_if(counts_, [&](const auto& row) { return row.first.first == subject; });
  if (const auto* id = std::get_if<KeyId>(&subject)) last_uses_.erase(*id);
}

void MemoryUsage::Trim(UsageHour oldest) {
  std::erase_if(counts_, [oldest](const auto& row) { return row.first.second < oldest; });
}

}  // namespace claviger
