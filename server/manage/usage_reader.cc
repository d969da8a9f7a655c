#include "server/manage/usage_reader.h"

#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "server/manage/errors.h"
#include "server/manage/permissions.h"

namespace claviger {
namespace {

// OK when the subject is there for `caller` to see.
absl::Status CheckSubject(const KeyStore& store, const Caller& caller,
                          const UsageSubject& subject) {
  if (const auto* id = std::get_if<KeyId>(&subject)) {
    const absl::StatusOr<std::shared_ptr<const KeyRecord>> key = store.FindKey(*id);
    if (!key.ok()) return key.status();
    if (*key == nullptr || !caller.IsBoundTo((*key)->project_id)) return KeyNotFound(*id);
    return absl::OkStatus();
  }
  const auto& project_id = std::get<std::string>(subject);
  if (!caller.IsBoundTo(project_id)) return ProjectNotFound(project_id);
  return FindLiveProject(store, project_id).status();
}

}  // namespace

absl::Time BucketStart(absl::Time time, UsageInterval interval) {
  return absl::UnixEpoch() + absl::Floor(time - absl::UnixEpoch(), LengthOf(interval));
}

int64_t BucketsOf(const UsageQuery& query) {
  const absl::Duration span =
      BucketStart(query.end, query.interval) - BucketStart(query.start, query.interval);
  absl::Duration rest;
  return absl::IDivDuration(span, LengthOf(query.interval), &rest) + 1;
}

absl::StatusOr<UsageTimeline> ReadTimeline(const KeyStore& store, const Caller& caller,
                                           const UsageQuery& query) {
  if (absl::Status s = caller.Require(permission::kUsageRead); !s.ok()) return s;
  if (absl::Status s = CheckSubject(store, caller, query.subject); !s.ok()) return s;
  const absl::Time behind = BucketStart(query.end, query.interval) + LengthOf(query.interval);
  const absl::StatusOr<std::vector<UsageRow>> rows =
      store.ReadUsage(query.subject, HourOf(BucketStart(query.start, query.interval)),
                      HourOf(behind - absl::Seconds(1)));
  if (!rows.ok()) return rows.status();
  UsageTimeline timeline;
  for (const UsageRow& row : *rows) {
    const absl::Time start = BucketStart(StartOf(row.hour), query.interval);
    if (timeline.buckets.empty() || timeline.buckets.back().start != start) {
      timeline.buckets.push_back({.start = start, .counts = {}});
    }
    timeline.buckets.back().counts.Add(row.counts);
    timeline.totals.Add(row.counts);
  }
  if (const auto* id = std::get_if<KeyId>(&query.subject)) {
    absl::StatusOr<std::vector<std::optional<LastUse>>> use = store.FindLastUses({id, 1});
    if (!use.ok()) return use.status();
    timeline.last_use = std::move(use->front());
  }
  return timeline;
}

absl::StatusOr<std::vector<UsageCounts>> ReadRecentCounts(const KeyStore& store,
                                                          std::span<const KeyId> ids,
                                                          absl::Time now) {
  std::vector<UsageCounts> counts;
  counts.reserve(ids.size());
  for (const KeyId& id : ids) {
    const absl::StatusOr<std::vector<UsageRow>> rows =
        store.ReadUsage(id, HourOf(now - absl::Hours(24)), HourOf(now));
    if (!rows.ok()) return rows.status();
    UsageCounts& sum = counts.emplace_back();
    for (const UsageRow& row : *rows) sum.Add(row.counts);
  }
  return counts;
}

}  // namespace claviger
