// From what a connection and a call show to a caller.
#ifndef CLAVIGER_SERVER_MANAGE_AUTHENTICATOR_H_
#define CLAVIGER_SERVER_MANAGE_AUTHENTICATOR_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/clock.h"
#include "server/manage/caller.h"
#include "server/manage/caller_map.h"
#include "server/usage/usage_recorder.h"
#include "server/verify/verifier.h"

namespace claviger {

// What a call shows of its caller. The functions are only called when they are needed: most calls
// need neither.
struct ShownCredentials {
  // The value of the `authorization` header, if there is one.
  std::optional<std::string_view> authorization;
  // Subject alternative names of a verified client certificate, with their kinds.
  std::function<std::vector<std::string>()> certificate_sans;
  // Address of the peer without the port; empty or `unix` where there is none.
  std::function<std::string()> peer;
  // Whether the Caller is to have that address.
  bool records_peer = true;
};

// Knows callers by key or by certificate.
//
// Thread safety: all methods may be called from any thread at once.
class Authenticator {
 public:
  // All arguments outlive the authenticator. Calls count as checks of the caller's key, by the
  // authority itself; `usage` may be null.
  Authenticator(Verifier& verifier, const CallerMapHolder& certificates, const Clock& clock,
                UsageRecorder* usage = nullptr);

  // The caller; or UNAUTHENTICATED with `CREDENTIAL_MISSING` (nothing shown) or
  // `CREDENTIAL_INVALID` (one answer for all that is wrong with a key); or UNAVAILABLE when the
  // store cannot tell. A wrong key is never made good by a certificate beside it.
  absl::StatusOr<Caller> Authenticate(const ShownCredentials& shown) const;

  // Whether a caller that was authenticated before would be now, in the same projects, and has
  // `permission`. For connections that outlive a call. ABORTED when it is bound to other
  // projects by now: who connects again is looked at afresh.
  absl::Status Recheck(const Caller& caller, std::string_view permission) const;

 private:
  VerifyCode CheckRecord(const KeyRecord& record, const std::function<std::string()>& peer,
                         absl::Time now) const;
  absl::StatusOr<Caller> ByKey(std::string_view authorization, const ShownCredentials& shown) const;

  Verifier& verifier_;
  const CallerMapHolder& certificates_;
  const Clock& clock_;
  UsageRecorder* const usage_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_AUTHENTICATOR_H_
