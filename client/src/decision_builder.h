// How the library makes the values that it hands out.
#ifndef CLAVIGER_CLIENT_SRC_DECISION_BUILDER_H_
#define CLAVIGER_CLIENT_SRC_DECISION_BUILDER_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/time/time.h"
#include "claviger/decision.h"
#include "claviger/grant.h"
#include "client/src/cached_grant.h"
#include "core/decision.h"

namespace claviger::client {

// Into and out of the public handle.
class GrantAccess {
 public:
  static Grant Make(std::shared_ptr<const CachedGrant> grant) { return Grant(std::move(grant)); }
  // Null for an empty grant.
  static const std::shared_ptr<const CachedGrant>& Of(const Grant& grant) { return grant.data_; }
};

// Where an answer came from.
enum class AnswerSource : unsigned char { kAuthority, kCache, kStaleCache };

class DecisionBuilder {
 public:
  // What `grant` comes to for `wanted`: core's Decide. Allocates only to name missing scopes.
  // Counts the check in `grant`, as of `now`, unless the authority answered and has counted it.
  static Decision FromGrant(std::shared_ptr<const CachedGrant> grant,
                            const CheckRequirements& wanted, AnswerSource source,
                            absl::Duration now);
  // A denial without a grant. For kValid, which nobody is without a grant: UNAVAILABLE.
  static Decision Denied(VerifyCode code, AnswerSource source);
  static Decision Unavailable(std::string_view detail);
};

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_DECISION_BUILDER_H_
