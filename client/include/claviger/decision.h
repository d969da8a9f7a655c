// What is asked of a key, and what the check found.
//
//   static constexpr std::string_view kReadOrders[] = {"orders:read"};
//   const claviger::Decision decision = client->Check(key, {.required_scopes = kReadOrders});
//   if (!decision.valid()) return decision.ToStatus();
#ifndef CLAVIGER_DECISION_H_
#define CLAVIGER_DECISION_H_

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "claviger/grant.h"

namespace claviger {

namespace client {
class DecisionBuilder;
}  // namespace client

// What is asked of a key beside being one. Views: what they point to must live until `Check` or
// `CheckAsync` returns; scopes are best kept in a `static constexpr` array.
struct CheckRequirements {
  // The key must belong to this project. Empty: to any that the client may verify in.
  std::string_view project_id = {};
  // The key must cover all of these …
  std::span<const std::string_view> required_scopes = {};
  // … and at least one of these, where there are any.
  std::span<const std::string_view> any_scopes = {};
  // The address that used the key, v4 or v6, without a port. A key that is limited to addresses is
  // not good without one; with a text that is no address no key is good.
  std::string_view client_ip = {};
};

// The outcome of a check. The values are those of claviger.v1.VerifyCode, but for the last.
enum class DecisionCode : unsigned char {
  kValid = 1,
  // Not a key of this authority: garbage, unknown, of another project, or a wrong secret.
  kNotFound = 2,
  kDisabled = 3,
  kExpired = 4,
  kRevoked = 5,
  // Good, but not for the scopes asked: see `missing_scopes`.
  kInsufficientScope = 6,
  // Good, but not from this address, or `client_ip` is none.
  kAddressNotAllowed = 7,
  kRateLimited = 8,
  kQuotaExceeded = 9,
  // Nobody could say: the cache may not be trusted, and the authority did not answer in time.
  kUnavailable = 10,
};

// `VALID`, `NOT_FOUND`, …
std::string_view DecisionCodeName(DecisionCode code);

// Thread safety: immutable, cheap to copy.
class [[nodiscard]] Decision {
 public:
  // UNAVAILABLE: what nobody decided is denied.
  Decision() = default;

  // Whether the key is good for what was asked. The only thing that lets somebody in.
  bool valid() const { return code_ == DecisionCode::kValid; }
  DecisionCode code() const { return code_; }
  // What the key stands for; empty unless the code is VALID, INSUFFICIENT_SCOPE or
  // ADDRESS_NOT_ALLOWED.
  const Grant& grant() const { return grant_; }
  // With INSUFFICIENT_SCOPE: the required scopes not covered, or all of `any_scopes` if none is.
  const std::vector<std::string>& missing_scopes() const;
  // Whether it was made without asking the authority.
  bool from_cache() const { return from_cache_; }
  // Whether it was made from the cache because the authority did not answer: see
  // ClientOptions::stale_on_error.
  bool stale() const { return stale_; }

  // OK; UNAUTHENTICATED (NOT_FOUND, DISABLED, EXPIRED, REVOKED); PERMISSION_DENIED
  // (INSUFFICIENT_SCOPE, ADDRESS_NOT_ALLOWED); RESOURCE_EXHAUSTED (RATE_LIMITED, QUOTA_EXCEEDED);
  // UNAVAILABLE. The message never contains the key, and may be shown to whoever used it: why the
  // authority did not answer is not in it, but in `detail`.
  absl::Status ToStatus() const;
  // With UNAVAILABLE, and with ADDRESS_NOT_ALLOWED for a `client_ip` that is no address: why, for
  // the service's own log.
  std::string_view detail() const;

 private:
  friend class client::DecisionBuilder;

  struct Details {
    std::vector<std::string> missing_scopes;
    std::string detail;
  };

  DecisionCode code_ = DecisionCode::kUnavailable;
  bool from_cache_ = false;
  bool stale_ = false;
  Grant grant_;
  std::shared_ptr<const Details> details_;  // null: none
};

}  // namespace claviger

#endif  // CLAVIGER_DECISION_H_
