#include "server/manage/policy.h"

#include "core/status.h"
#include "fmt/format.h"

namespace claviger {
namespace {

absl::Status Violation(std::string field, std::string accepted) {
  std::string message = fmt::format("{}: {}", field, accepted);
  return ErrorBuilder(absl::StatusCode::kFailedPrecondition, Reason::kPolicyViolation)
      .Field(std::move(field), std::move(accepted))
      .Build(std::move(message));
}

absl::Status CheckTtlBounds(const std::string& field, absl::Duration ttl) {
  if (ttl >= absl::Seconds(1) && ttl <= kMaxKeyTtl) return absl::OkStatus();
  return InvalidField(field, "must be at least 1 s and at most 100 years");
}

}  // namespace

absl::StatusOr<std::optional<absl::Time>> ResolveExpiry(const Expiration& expiration,
                                                        const ProjectPolicy& policy,
                                                        absl::Time now) {
  std::optional<absl::Time> end;
  std::string field = "ttl";
  if (const auto* ttl = std::get_if<absl::Duration>(&expiration)) {
    if (*ttl <= absl::ZeroDuration() || *ttl > kMaxKeyTtl) {
      return InvalidField("ttl", "must be more than 0 and at most 100 years");
    }
    end = now + *ttl;
  } else if (const auto* time = std::get_if<absl::Time>(&expiration)) {
    field = "expire_time";
    if (*time <= now || *time > now + kMaxKeyTtl) {
      return InvalidField("expire_time", "must be in the future and within 100 years");
    }
    end = *time;
  } else if (policy.default_key_ttl.has_value()) {
    end = now + *policy.default_key_ttl;
  } else if (policy.max_key_ttl.has_value()) {
    end = now + *policy.max_key_ttl;
  }
  if (policy.require_expiry && !end.has_value()) {
    return Violation(field, "the project's policy requires that keys expire");
  }
  if (policy.max_key_ttl.has_value() && *end - now > *policy.max_key_ttl) {
    return Violation(field, fmt::format("the project's policy allows at most {}",
                                        absl::FormatDuration(*policy.max_key_ttl)));
  }
  return end;
}

absl::Status CheckNewExpiry(const std::optional<absl::Time>& expire_time, absl::Time create_time,
                            const ProjectPolicy& policy, absl::Time now) {
  if (!expire_time.has_value()) {
    if (policy.require_expiry) {
      return Violation("key.expire_time", "the project's policy requires that keys expire");
    }
  } else if (*expire_time <= now || *expire_time > now + kMaxKeyTtl) {
    return InvalidField("key.expire_time", "must be in the future and within 100 years");
  }
  if (!policy.max_key_ttl.has_value()) return absl::OkStatus();
  if (expire_time.has_value() && *expire_time - create_time <= *policy.max_key_ttl) {
    return absl::OkStatus();
  }
  return Violation("key.expire_time",
                   fmt::format("the project's policy allows at most {} from the key's creation on",
                               absl::FormatDuration(*policy.max_key_ttl)));
}

absl::Status CheckCatalog(const ProjectRecord& project, const std::vector<std::string>& scopes,
                          const std::string& field) {
  if (project.scope_catalog.empty()) return absl::OkStatus();
  ErrorBuilder error(absl::StatusCode::kInvalidArgument, Reason::kScopeNotInCatalog);
  std::string first;
  for (size_t i = 0; i < scopes.size(); ++i) {
    if (project.scope_catalog.Covers(scopes[i])) continue;
    if (first.empty()) first = scopes[i];
    error.Field(fmt::format("{}[{}]", field, i),
                fmt::format("must be covered by the project's scope catalog, which has: {}",
                            fmt::join(project.scope_catalog.scopes(), " ")));
  }
  if (first.empty()) return absl::OkStatus();
  return error.Build(
      fmt::format("{}: the scope catalog of project {} does not cover '{}'; it has: {}", field,
                  project.project_id, first, fmt::join(project.scope_catalog.scopes(), " ")));
}

absl::Status CheckAddresses(const ProjectRecord& project, const std::vector<Cidr>& allowed_cidrs,
                            const std::string& field) {
  if (!project.policy.allowed_cidrs_required || !allowed_cidrs.empty()) return absl::OkStatus();
  return Violation(field, "the project's policy requires that keys are limited to addresses");
}

absl::Status CheckPolicy(const ProjectPolicy& policy) {
  if (policy.max_key_ttl.has_value()) {
    if (absl::Status s = CheckTtlBounds("project.policy.max_key_ttl", *policy.max_key_ttl);
        !s.ok()) {
      return s;
    }
  }
  if (policy.default_key_ttl.has_value()) {
    if (absl::Status s = CheckTtlBounds("project.policy.default_key_ttl", *policy.default_key_ttl);
        !s.ok()) {
      return s;
    }
    if (policy.max_key_ttl.has_value() && *policy.default_key_ttl > *policy.max_key_ttl) {
      return InvalidField("project.policy.default_key_ttl", "must not be above max_key_ttl");
    }
  }
  return absl::OkStatus();
}

}  // namespace claviger
