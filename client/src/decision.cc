#include "claviger/decision.h"

#include "client/src/decision_builder.h"
#include "core/cidr.h"

namespace claviger {
namespace {

static_assert(static_cast<int>(DecisionCode::kValid) == static_cast<int>(VerifyCode::kValid));
static_assert(static_cast<int>(DecisionCode::kNotFound) == static_cast<int>(VerifyCode::kNotFound));
static_assert(static_cast<int>(DecisionCode::kDisabled) == static_cast<int>(VerifyCode::kDisabled));
static_assert(static_cast<int>(DecisionCode::kExpired) == static_cast<int>(VerifyCode::kExpired));
static_assert(static_cast<int>(DecisionCode::kRevoked) == static_cast<int>(VerifyCode::kRevoked));
static_assert(static_cast<int>(DecisionCode::kInsufficientScope) ==
              static_cast<int>(VerifyCode::kInsufficientScope));
static_assert(static_cast<int>(DecisionCode::kAddressNotAllowed) ==
              static_cast<int>(VerifyCode::kAddressNotAllowed));
static_assert(static_cast<int>(DecisionCode::kRateLimited) ==
              static_cast<int>(VerifyCode::kRateLimited));
static_assert(static_cast<int>(DecisionCode::kQuotaExceeded) ==
              static_cast<int>(VerifyCode::kQuotaExceeded));

std::string JoinScopes(const std::vector<std::string>& scopes) {
  std::string text;
  for (const std::string& scope : scopes) {
    if (!text.empty()) text += ", ";
    text += scope;
  }
  return text;
}

}  // namespace

std::string_view DecisionCodeName(DecisionCode code) {
  if (code == DecisionCode::kUnavailable) return "UNAVAILABLE";
  return VerifyCodeName(static_cast<VerifyCode>(code));
}

const std::vector<std::string>& Decision::missing_scopes() const {
  static const auto& none = *new std::vector<std::string>();
  return details_ == nullptr ? none : details_->missing_scopes;
}

std::string_view Decision::detail() const {
  return details_ == nullptr ? std::string_view() : details_->detail;
}

absl::Status Decision::ToStatus() const {
  switch (code_) {
    case DecisionCode::kValid:
      return absl::OkStatus();
    case DecisionCode::kNotFound:
      return absl::UnauthenticatedError("not a valid API key");
    case DecisionCode::kDisabled:
      return absl::UnauthenticatedError("the API key is disabled");
    case DecisionCode::kExpired:
      return absl::UnauthenticatedError("the API key is expired");
    case DecisionCode::kRevoked:
      return absl::UnauthenticatedError("the API key is revoked");
    case DecisionCode::kInsufficientScope:
      return absl::PermissionDeniedError("the API key lacks: " + JoinScopes(missing_scopes()));
    case DecisionCode::kAddressNotAllowed:
      return absl::PermissionDeniedError("the API key may not be used from this address");
    case DecisionCode::kRateLimited:
      return absl::ResourceExhaustedError("the API key is over its rate limit");
    case DecisionCode::kQuotaExceeded:
      return absl::ResourceExhaustedError("the API key is over its quota");
    case DecisionCode::kUnavailable:
      break;
  }
  return absl::UnavailableError("the API key cannot be checked now");
}

namespace client {

Decision DecisionBuilder::FromGrant(std::shared_ptr<const CachedGrant> grant,
                                    const CheckRequirements& wanted, AnswerSource source,
                                    absl::Duration now) {
  Requirements requirements{.project_id = wanted.project_id,
                            .required_scopes = wanted.required_scopes,
                            .any_scopes = wanted.any_scopes};
  if (!wanted.client_ip.empty()) requirements.client_ip = IpAddress::Parse(wanted.client_ip);
  const DecisionSubject subject = SubjectOf(*grant);
  // The subject has no date of expiry, so the time does not matter.
  VerifyCode code = Decide(subject, requirements, absl::InfinitePast());
  // The authority answers no check with such a text, whatever the key's limits are.
  const bool no_address = !wanted.client_ip.empty() && !requirements.client_ip.has_value();
  if (no_address && code != VerifyCode::kNotFound) code = VerifyCode::kAddressNotAllowed;

  if (source != AnswerSource::kAuthority) CountUse(*grant, code, wanted.client_ip, now);

  Decision decision;
  decision.code_ = static_cast<DecisionCode>(code);
  decision.from_cache_ = source != AnswerSource::kAuthority;
  decision.stale_ = source == AnswerSource::kStaleCache;
  // A key of a foreign project does not exist, as far as the caller may know.
  if (code == VerifyCode::kNotFound) return decision;
  if (code == VerifyCode::kInsufficientScope) {
    decision.details_ = std::make_shared<const Decision::Details>(
        Decision::Details{.missing_scopes = MissingScopes(subject, requirements), .detail = {}});
  }
  if (no_address) {
    decision.details_ = std::make_shared<const Decision::Details>(Decision::Details{
        .missing_scopes = {}, .detail = "client_ip " + std::string(kIpAddressSyntax)});
  }
  decision.grant_ = GrantAccess::Make(std::move(grant));
  return decision;
}

Decision DecisionBuilder::Denied(VerifyCode code, AnswerSource source) {
  Decision decision;
  if (code == VerifyCode::kValid) return decision;
  decision.code_ = static_cast<DecisionCode>(code);
  decision.from_cache_ = source != AnswerSource::kAuthority;
  decision.stale_ = source == AnswerSource::kStaleCache;
  return decision;
}

Decision DecisionBuilder::Unavailable(std::string_view detail) {
  Decision decision;
  decision.details_ = std::make_shared<const Decision::Details>(
      Decision::Details{.missing_scopes = {}, .detail = std::string(detail)});
  return decision;
}

}  // namespace client
}  // namespace claviger
