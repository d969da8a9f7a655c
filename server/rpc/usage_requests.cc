#include "server/rpc/usage_requests.h"

#include <optional>
#include <string>

#include "fmt/format.h"
#include "server/rpc/request_fields.h"

namespace claviger {
namespace {

constexpr absl::Duration kDefaultHours = absl::Hours(24);
constexpr absl::Duration kDefaultDays = absl::Hours(24 * 30);

UsageInterval ReadInterval(v1::UsageInterval interval, FieldErrors& errors) {
  switch (interval) {
    case v1::USAGE_INTERVAL_UNSPECIFIED:
    case v1::USAGE_INTERVAL_HOUR:
      return UsageInterval::kHour;
    case v1::USAGE_INTERVAL_DAY:
      return UsageInterval::kDay;
    default:
      errors.Add("interval", "must be one of UsageInterval");
      return UsageInterval::kHour;
  }
}

std::optional<absl::Time> ReadOptionalTime(const char* path, bool is_set,
                                           const google::protobuf::Timestamp& time,
                                           FieldErrors& errors) {
  if (!is_set) return std::nullopt;
  return field::ReadTime(path, time, errors);
}

}  // namespace

absl::StatusOr<UsageQuery> ToUsageQuery(const v1::GetUsageRequest& request, absl::Time now) {
  FieldErrors errors;
  UsageQuery query;
  switch (request.subject_case()) {
    case v1::GetUsageRequest::kKeyId:
      query.subject = field::ReadKeyId("key_id", request.key_id(), errors);
      break;
    case v1::GetUsageRequest::kProjectId:
      query.subject = field::ReadProjectId("project_id", request.project_id(), errors);
      break;
    case v1::GetUsageRequest::SUBJECT_NOT_SET:
      errors.Check(RequiredField("subject", "must be key_id or project_id"));
      break;
  }
  query.interval = ReadInterval(request.interval(), errors);
  query.end = ReadOptionalTime("end_time", request.has_end_time(), request.end_time(), errors)
                  .value_or(now);
  query.start =
      ReadOptionalTime("start_time", request.has_start_time(), request.start_time(), errors)
          .value_or(query.end -
                    (query.interval == UsageInterval::kHour ? kDefaultHours : kDefaultDays));
  if (!errors.ok()) return errors.ToStatus();
  if (query.start > query.end) {
    errors.Add("start_time", "must not be behind end_time");
  } else if (BucketsOf(query) > UsageQuery::kMaxBuckets) {
    const bool by_hour = query.interval == UsageInterval::kHour;
    errors.Add("start_time", fmt::format("must be at most {} {} before end_time",
                                         UsageQuery::kMaxBuckets, by_hour ? "hours" : "days"));
  }
  if (!errors.ok()) return errors.ToStatus();
  return query;
}

}  // namespace claviger
