#include "server/rpc/verify_requests.h"

#include <algorithm>

#include "core/text.h"
#include "fmt/format.h"
#include "server/rpc/field_errors.h"
#include "server/rpc/request_fields.h"

namespace claviger {
namespace {

// False, with the error noted, unless `bytes` are empty or as many as `out` has.
template <typename Bytes>
bool ReadHash(const char* path, const std::string& bytes, std::optional<Bytes>& out,
              FieldErrors& errors) {
  if (bytes.empty()) return true;
  if (bytes.size() != Bytes().size()) {
    errors.Add(path, fmt::format("must be the {} bytes of the key's SHA-{}", Bytes().size(),
                                 8 * Bytes().size()));
    return false;
  }
  std::copy(bytes.begin(), bytes.end(), out.emplace().begin());
  return true;
}

void ReadCredential(const v1::VerifyRequest& request, CheckParams& params, FieldErrors& errors) {
  switch (request.credential_case()) {
    case v1::VerifyRequest::kKey:
      params.credential = ReadRawKey(request.key(), errors);
      return;
    case v1::VerifyRequest::kDigest:
      params.credential = ReadDigest(request.digest(), errors);
      return;
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

ShownCredential ReadRawKey(const std::string& key, FieldErrors& errors) {
  if (key.size() <= kMaxCredentialBytes) return ShownCredentialOf(key);
  errors.Add("key", fmt::format("must have at most {} bytes", kMaxCredentialBytes));
  return {};
}

ShownCredential ReadDigest(const v1::KeyDigest& digest, FieldErrors& errors) {
  std::optional<Sha256Bytes> sha256;
  std::optional<Sha512Bytes> sha512;
  if (!digest.key_id().empty()) {
    Credential credential;
    credential.id = field::ReadKeyId("digest.key_id", digest.key_id(), errors);
    if (!digest.sha512().empty()) {
      errors.Check(ErrorBuilder(absl::StatusCode::kInvalidArgument, Reason::kFieldConflict)
                       .Field("digest.sha512", "must not be given together with key_id")
                       .Build("digest.sha512: must not be given together with key_id"));
    }
    if (!ReadHash("digest.sha256", digest.sha256(), sha256, errors)) return {};
    if (!sha256.has_value()) {
      errors.Add("digest.sha256", "must be the 32 bytes of the key's SHA-256");
      return {};
    }
    credential.hash.bytes = *sha256;
    return credential;
  }
  const bool has_good_sha256 = ReadHash("digest.sha256", digest.sha256(), sha256, errors);
  const bool has_good_sha512 = ReadHash("digest.sha512", digest.sha512(), sha512, errors);
  if (!has_good_sha256 || !has_good_sha512) return {};
  if (!sha256.has_value() && !sha512.has_value()) {
    errors.Check(RequiredField("digest",
                               "must have key_id and sha256, or, for a text that is no key of "
                               "this authority, sha256, sha512 or both"));
    return {};
  }
  ForeignCredential foreign{.text = {}, .sha256 = std::nullopt, .sha512 = sha512};
  if (sha256.has_value()) foreign.sha256 = KeyHash{*sha256};
  return foreign;
}

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
