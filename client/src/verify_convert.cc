#include "client/src/verify_convert.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/src/proto_time.h"
#include "core/cidr.h"
#include "core/scope.h"
#include "fmt/format.h"

namespace claviger::client {
namespace {

absl::Status Unfit(std::string_view what) {
  return absl::InternalError(fmt::format("the authority's answer: {}", what));
}

absl::StatusOr<VerifyCode> ReadCode(v1::VerifyCode code) {
  if (code >= v1::VERIFY_CODE_VALID && code <= v1::VERIFY_CODE_QUOTA_EXCEEDED) {
    return static_cast<VerifyCode>(code);
  }
  return Unfit("a code that this client does not know");
}

// Codes that say that the key is alive, if not good for everything.
bool ComesWithGrant(VerifyCode code) {
  return code == VerifyCode::kValid || code == VerifyCode::kInsufficientScope ||
         code == VerifyCode::kAddressNotAllowed;
}

absl::StatusOr<std::shared_ptr<const CachedGrant>> ReadGrant(const v1::Grant& from,
                                                             const AskedKey& key) {
  const std::optional<KeyId> answered = KeyId::Parse(from.key_id());
  // Which key a text of elsewhere is, the authority alone knows.
  const bool fits = answered.has_value() && (key.sha512.has_value() || *answered == key.id);
  if (!fits) return Unfit("a grant of another key");
  auto grant = std::make_shared<CachedGrant>();
  grant->id = *answered;
  grant->project_id = from.project_id();
  grant->owner = from.owner();
  if (from.environment() == v1::ENVIRONMENT_TEST) grant->environment = Environment::kTest;
  absl::StatusOr<ScopeSet> scopes =
      ScopeSet::Create({from.scopes().begin(), from.scopes().end()}, "scopes");
  if (!scopes.ok()) return Unfit(std::string(scopes.status().message()));
  grant->scopes = *std::move(scopes);
  grant->labels.assign(from.labels().begin(), from.labels().end());
  std::sort(grant->labels.begin(), grant->labels.end());
  if (from.has_metadata()) grant->metadata = from.metadata().SerializeAsString();
  for (const std::string& text : from.allowed_cidrs()) {
    const std::optional<Cidr> cidr = Cidr::Parse(text);
    // To drop it would make the key good everywhere if it was the only one.
    if (!cidr.has_value()) return Unfit("an address block that cannot be read");
    grant->allowed_cidrs.push_back(*cidr);
  }
  if (from.has_expire_time()) grant->expire_time = ReadTime(from.expire_time());
  return grant;
}

}  // namespace

v1::VerifyRequest ToRequest(const AskedKey& key) {
  v1::VerifyRequest request;
  v1::KeyDigest& digest = *request.mutable_digest();
  digest.set_sha256(key.hash.bytes.data(), key.hash.bytes.size());
  if (key.sha512.has_value()) {
    digest.set_sha512(key.sha512->data(), key.sha512->size());
  } else {
    digest.set_key_id(key.id.ToString());
  }
  return request;
}

absl::StatusOr<FlightAnswer> FromResponse(const v1::VerifyResponse& response, const AskedKey& key,
                                          absl::Duration asked_at) {
  FlightAnswer answer;
  const absl::StatusOr<Epoch> epoch = Epoch::FromBytes(response.epoch());
  if (!epoch.ok()) return Unfit("an epoch that is not 16 bytes");
  answer.reflects = {.epoch = *epoch, .revision = Revision{response.revision()}};
  const absl::StatusOr<VerifyCode> code = ReadCode(response.code());
  if (!code.ok()) return code.status();
  answer.code = *code;
  if (!ComesWithGrant(*code)) return answer;
  absl::StatusOr<std::shared_ptr<const CachedGrant>> grant = ReadGrant(response.grant(), key);
  if (!grant.ok()) return grant.status();
  answer.grant = *std::move(grant);
  if (response.has_expires_in()) {
    answer.end_of_life = asked_at + ReadDuration(response.expires_in());
  }
  return answer;
}

}  // namespace claviger::client
