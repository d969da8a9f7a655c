#include "server/rpc/verify_requests.h"

#include <algorithm>

#include "core/text.h"
#include "fmt/format.h"
#include "server/rpc/field_errors.h"
#include "server/rpc/request_fields.h"

namespace claviger {
namespace {

constexpr size_t kMaxCredentialBytes = 1024;

void ReadCredential(const v1::VerifyRequest& request, CheckParams& params, FieldErrors& errors) {
  switch (request.credential_case()) {
    case v1::VerifyRequest::kKey:
      if (request.key().size() > kMaxCredentialBytes) {
        errors.Add("key", fmt::format("must have at most {} bytes", kMaxCredentialBytes));
      } else {
        params.credential = CredentialOf(request.key());
      }
      return;
    case v1::VerifyRequest::kDigest: {
      Credential credential;
      credential.id = field::ReadKeyId("digest.key_id", request.digest().key_id(), errors);
      const std::string& hash = request.digest().sha256();
      if (hash.size() != credential.hash.bytes.size()) {
        errors.Add("digest.sha256", "must be the 32 bytes of the key's SHA-256");
        return;
      }
      std::copy(hash.begin(), hash.end(), credential.hash.bytes.begin());
      params.credential = credential;
      return;
    }
    case v1::VerifyRequest::CREDENTIAL_NOT_SET:
      errors.Check(RequiredField("credential", "must be key or digest"));
      return;
  }
}

std::span<const std::string_view> ReadRequiredScopes(
    const std::string& path, const field::Strings& scopes,
    std::array<std::string_view, CheckParams::kMaxScopes>& out, FieldErrors& errors) {
  if (scopes.size() > CheckParams::kMaxScopes) {
    errors.Add(path, fmt::format("at most {} are accepted", CheckParams::kMaxScopes));
    return {};
  }
  for (int i = 0; i < scopes.size(); ++i) {
    if (!IsValidRequiredScope(scopes[i])) {
      errors.Add(fmt::format("{}[{}]", path, i),
                 "must be segments of [a-z0-9_.-]{1,64} joined by ':', at most 512 characters, "
                 "without '*'");
    }
    out[i] = scopes[i];
  }
  return {out.data(), static_cast<size_t>(scopes.size())};
}

}  // namespace

absl::Status ReadCheck(const v1::VerifyRequest& request, CheckParams& params) {
  static const std::string kRequiredScopes = "required_scopes";
  static const std::string kAnyScopes = "any_scopes";
  FieldErrors errors;
  ReadCredential(request, params, errors);
  if (!request.project_id().empty() && !IsValidProjectId(request.project_id())) {
    errors.Add("project_id", std::string(kProjectIdSyntax));
  }
  params.wanted.project_id = request.project_id();
  params.wanted.required_scopes = ReadRequiredScopes(kRequiredScopes, request.required_scopes(),
                                                     params.required_scopes, errors);
  params.wanted.any_scopes =
      ReadRequiredScopes(kAnyScopes, request.any_scopes(), params.any_scopes, errors);
  if (!request.client_ip().empty()) {
    params.wanted.client_ip = IpAddress::Parse(request.client_ip());
    if (!params.wanted.client_ip.has_value())
      errors.Add("client_ip", std::string(kIpAddressSyntax));
  }
  if (!request.route().empty())
    errors.Check(CheckText("route", request.route(), kMaxNameCharacters));
  return errors.ToStatus();
}

}  // namespace claviger
