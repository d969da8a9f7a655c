#include "core/decision.h"

#include <algorithm>

namespace claviger {
namespace {

bool AddressAllowed(const DecisionSubject& key, const Requirements& wanted) {
  if (key.allowed_cidrs.empty()) return true;
  return wanted.client_ip.has_value() && AnyContains(key.allowed_cidrs, *wanted.client_ip);
}

bool ScopesSuffice(const DecisionSubject& key, const Requirements& wanted) {
  const auto covered = [&key](std::string_view scope) { return key.scopes.Covers(scope); };
  if (!std::all_of(wanted.required_scopes.begin(), wanted.required_scopes.end(), covered)) {
    return false;
  }
  return wanted.any_scopes.empty() ||
         std::any_of(wanted.any_scopes.begin(), wanted.any_scopes.end(), covered);
}

}  // namespace

std::string_view VerifyCodeName(VerifyCode code) {
  switch (code) {
    case VerifyCode::kValid:
      return "VALID";
    case VerifyCode::kNotFound:
      return "NOT_FOUND";
    case VerifyCode::kDisabled:
      return "DISABLED";
    case VerifyCode::kExpired:
      return "EXPIRED";
    case VerifyCode::kRevoked:
      return "REVOKED";
    case VerifyCode::kInsufficientScope:
      return "INSUFFICIENT_SCOPE";
    case VerifyCode::kAddressNotAllowed:
      return "ADDRESS_NOT_ALLOWED";
    case VerifyCode::kRateLimited:
      return "RATE_LIMITED";
    case VerifyCode::kQuotaExceeded:
      return "QUOTA_EXCEEDED";
  }
  return "UNKNOWN";
}

DecisionSubject SubjectOf(const KeyRecord& key) {
  return {
      .project_id = key.project_id,
      .scopes = key.scopes,
      .allowed_cidrs = key.allowed_cidrs,
      .expire_time = key.expire_time,
      .disabled = key.disabled,
      .revoked = key.revocation.has_value() || key.delete_time.has_value(),
  };
}

VerifyCode Decide(const DecisionSubject& key, const Requirements& wanted, absl::Time now) {
  if (!wanted.project_id.empty() && wanted.project_id != key.project_id) {
    return VerifyCode::kNotFound;
  }
  if (key.revoked) return VerifyCode::kRevoked;
  if (key.expire_time.has_value() && now >= *key.expire_time) return VerifyCode::kExpired;
  if (key.disabled) return VerifyCode::kDisabled;
  if (!AddressAllowed(key, wanted)) return VerifyCode::kAddressNotAllowed;
  if (!ScopesSuffice(key, wanted)) return VerifyCode::kInsufficientScope;
  return VerifyCode::kValid;
}

std::vector<std::string> MissingScopes(const DecisionSubject& key, const Requirements& wanted) {
  std::vector<std::string> missing;
  for (const std::string_view scope : wanted.required_scopes) {
    if (!key.scopes.Covers(scope)) missing.emplace_back(scope);
  }
  if (missing.empty() && !ScopesSuffice(key, wanted)) {
    missing.assign(wanted.any_scopes.begin(), wanted.any_scopes.end());
  }
  return missing;
}

}  // namespace claviger
