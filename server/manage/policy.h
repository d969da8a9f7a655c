// A project's rules applied to a key that is being made or changed.
#ifndef CLAVIGER_SERVER_MANAGE_POLICY_H_
#define CLAVIGER_SERVER_MANAGE_POLICY_H_

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/key_record.h"

namespace claviger {

// No key lives longer: times further away are typing errors.
inline constexpr absl::Duration kMaxKeyTtl = absl::Hours(24 * 36525);

// What an issuer says about the end of a key: nothing, a life, or a date.
using Expiration = std::variant<std::monostate, absl::Duration, absl::Time>;

// When a key issued at `now` ends, by the issuer's word and the project's policy; nullopt: never.
// INVALID_ARGUMENT for an end that is not in the future or more than 100 years away;
// FAILED_PRECONDITION `POLICY_VIOLATION` where the policy demands an earlier end or any end at all.
absl::StatusOr<std::optional<absl::Time>> ResolveExpiry(const Expiration& expiration,
                                                        const ProjectPolicy& policy,
                                                        absl::Time now);

// OK when a key made at `create_time` may now, at `now`, be given `expire_time` (nullopt: never).
// Else as ResolveExpiry; the policy's longest life counts from the creation.
absl::Status CheckNewExpiry(const std::optional<absl::Time>& expire_time, absl::Time create_time,
                            const ProjectPolicy& policy, absl::Time now);

// OK when the project's catalog covers each of `scopes`; else INVALID_ARGUMENT
// `SCOPE_NOT_IN_CATALOG` naming all that it does not, as violations of `field`.
absl::Status CheckCatalog(const ProjectRecord& project, const std::vector<std::string>& scopes,
                          const std::string& field);

// OK unless the policy demands addresses and there are none; `field` is where they were to stand.
absl::Status CheckAddresses(const ProjectRecord& project, const std::vector<Cidr>& allowed_cidrs,
                            const std::string& field = "allowed_cidrs");

// OK when the policy's own figures make sense: 1 s to 100 years, default not above the maximum.
absl::Status CheckPolicy(const ProjectPolicy& policy);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_POLICY_H_
