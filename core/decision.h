// The one rule of what makes a key good. The server, the client library and the agent call this
// function; none has a rule of its own.
#ifndef CLAVIGER_CORE_DECISION_H_
#define CLAVIGER_CORE_DECISION_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "core/cidr.h"
#include "core/lifecycle.h"
#include "core/scope.h"

namespace claviger {

// What a check found. NOT_FOUND is not Decide's to give but for a foreign project: the caller of
// Decide has matched the secret before.
enum class VerifyCode : unsigned char {
  kValid = 1,
  kNotFound = 2,
  kDisabled = 3,
  kExpired = 4,
  kRevoked = 5,
  kInsufficientScope = 6,
  kAddressNotAllowed = 7,
  kRateLimited = 8,
  kQuotaExceeded = 9,
};

// `VALID`, `NOT_FOUND`, …
std::string_view VerifyCodeName(VerifyCode code);

// The part of a key that decides. Points into whatever holds the key: a record at the server, a
// cache entry at the client.
struct DecisionSubject {
  std::string_view project_id;
  const ScopeSet& scopes;
  const std::vector<Cidr>& allowed_cidrs;
  std::optional<absl::Time> expire_time;
  bool disabled = false;
  bool revoked = false;  // or deleted
};

// The view of a record. `key` outlives it.
DecisionSubject SubjectOf(const KeyRecord& key);

// What is asked of the key. Views into the request.
struct Requirements {
  // Empty: any project.
  std::string_view project_id = {};
  // The key must cover all of these …
  std::span<const std::string_view> required_scopes = {};
  // … and at least one of these, where there are any.
  std::span<const std::string_view> any_scopes = {};
  // The address that used the key. A key limited to addresses is good only with one inside.
  std::optional<IpAddress> client_ip = std::nullopt;
};

// The code alone: what a cached check needs. Allocates nothing. The order of tests is: foreign
// project (NOT_FOUND), revoked, expired, disabled, address, scopes.
VerifyCode Decide(const DecisionSubject& key, const Requirements& wanted, absl::Time now);

// The required scopes that `key` does not cover; when it covers all of them but none of
// `any_scopes`, all of those.
std::vector<std::string> MissingScopes(const DecisionSubject& key, const Requirements& wanted);

}  // namespace claviger

#endif  // CLAVIGER_CORE_DECISION_H_
