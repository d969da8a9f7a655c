#include "server/manage/authenticator.h"

#include <utility>

#include "absl/strings/match.h"
#include "core/decision.h"
#include "core/status.h"

namespace claviger {
namespace {

constexpr std::string_view kBearer = "bearer ";
constexpr UsedBy kUsedByAuthority = {.kind = "system", .name = ""};

absl::Status InvalidCredential() {
  return ErrorBuilder(absl::StatusCode::kUnauthenticated, Reason::kCredentialInvalid)
      .Build("authorization: must be 'Bearer ' and a valid management key");
}

std::optional<std::string_view> BearerToken(std::string_view authorization) {
  if (authorization.size() <= kBearer.size() ||
      !absl::EqualsIgnoreCase({authorization.data(), kBearer.size()},
                              {kBearer.data(), kBearer.size()})) {
    return std::nullopt;
  }
  return authorization.substr(kBearer.size());
}

std::string RecordedPeer(const ShownCredentials& shown) {
  return shown.records_peer ? shown.peer() : std::string();
}

// Another binding is another caller: what a connection may see was decided when it began.
absl::Status RequireSame(const Caller& now, const Caller& before, std::string_view permission) {
  if (now.projects() != before.projects()) {
    return absl::AbortedError("the caller's projects are others now; connect again");
  }
  return now.Require(permission);
}

}  // namespace

Authenticator::Authenticator(Verifier& verifier, const CallerMapHolder& certificates,
                             const Clock& clock, UsageRecorder* usage)
    : verifier_(verifier), certificates_(certificates), clock_(clock), usage_(usage) {}

absl::StatusOr<Caller> Authenticator::Authenticate(const ShownCredentials& shown) const {
  if (shown.authorization.has_value()) return ByKey(*shown.authorization, shown);
  for (const std::string& san : shown.certificate_sans()) {
    if (std::shared_ptr<const CertificateIdentity> identity = certificates_.Find(san)) {
      return Caller::FromCertificate(std::move(identity), RecordedPeer(shown));
    }
  }
  return ErrorBuilder(absl::StatusCode::kUnauthenticated, Reason::kCredentialMissing)
      .Build(
          "authorization: show a management key ('authorization: Bearer <key>') or a client "
          "certificate that the caller map knows");
}

absl::StatusOr<Caller> Authenticator::ByKey(std::string_view authorization,
                                            const ShownCredentials& shown) const {
  const std::optional<std::string_view> token = BearerToken(authorization);
  if (!token.has_value()) return InvalidCredential();
  absl::StatusOr<std::shared_ptr<const CachedKey>> key = verifier_.Match(CredentialOf(*token));
  if (!key.ok()) return key.status();
  if (*key == nullptr) return InvalidCredential();
  const absl::Time now = clock_.Now();
  const VerifyCode code = CheckRecord((*key)->record(), shown.peer, now);
  std::string peer = RecordedPeer(shown);
  if (usage_ != nullptr) {
    usage_->Count((*key)->shared_record(), code, IpAddress::Parse(peer), kUsedByAuthority, now);
  }
  if (code != VerifyCode::kValid) return InvalidCredential();
  return Caller::FromKey((*key)->shared_record(), std::move(peer));
}

VerifyCode Authenticator::CheckRecord(const KeyRecord& record,
                                      const std::function<std::string()>& peer,
                                      absl::Time now) const {
  Requirements wanted;
  // The transport's own word, which is right here: it is the caller itself that is being checked.
  if (!record.allowed_cidrs.empty()) wanted.client_ip = IpAddress::Parse(peer());
  return Decide(SubjectOf(record), wanted, now);
}

absl::Status Authenticator::Recheck(const Caller& caller, std::string_view permission) const {
  if (const std::optional<KeyId> id = caller.key_id(); id.has_value()) {
    const absl::StatusOr<std::shared_ptr<const CachedKey>> key = verifier_.Find(*id);
    if (!key.ok()) return key.status();
    if (*key == nullptr) return InvalidCredential();
    const VerifyCode code =
        CheckRecord((*key)->record(), [&caller] { return caller.peer(); }, clock_.Now());
    if (code != VerifyCode::kValid) return InvalidCredential();
    return RequireSame(Caller::FromKey((*key)->shared_record(), caller.peer()), caller, permission);
  }
  std::shared_ptr<const CertificateIdentity> identity =
      certificates_.Find(caller.certificate_san());
  if (identity == nullptr) return InvalidCredential();
  return RequireSame(Caller::FromCertificate(std::move(identity), caller.peer()), caller,
                     permission);
}

}  // namespace claviger
