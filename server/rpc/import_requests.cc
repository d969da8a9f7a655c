#include "server/rpc/import_requests.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "core/digest.h"
#include "core/status.h"
#include "core/text.h"
#include "fmt/format.h"
#include "server/rpc/field_errors.h"
#include "server/rpc/request_fields.h"
#include "server/rpc/verify_requests.h"

namespace claviger {
namespace {

constexpr int kMaxKeys = 1000;
constexpr size_t kMaxMaskedKeyCharacters = 32;

// Puts `size` bytes into `bytes` from hexadecimal digits or from base64 of either alphabet, padded
// or not; false for anything else. What is as long as the one is never as long as the other.
bool DecodeDigest(std::string_view text, size_t size, std::string& bytes) {
  const absl::string_view encoded(text.data(), text.size());
  const auto is_hex = [](char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); };
  if (text.size() == 2 * size) {
    bytes = absl::HexStringToBytes(encoded);
    return std::all_of(text.begin(), text.end(), is_hex);
  }
  // absl skips blanks and takes dots for padding; neither is base64.
  const auto is_base64 = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '/' || c == '-' ||
           c == '_' || c == '=';
  };
  if (text.size() > 2 * size || !std::all_of(text.begin(), text.end(), is_base64)) return false;
  const bool url_safe = text.find_first_of("-_") != std::string_view::npos;
  const bool decoded = url_safe ? absl::WebSafeBase64Unescape(encoded, &bytes)
                                : absl::Base64Unescape(encoded, &bytes);
  return decoded && bytes.size() == size;
}

// What is wrong with a digest that came of no key: an export writes such where it has nothing. Any
// caller has the text of one.
std::string_view WhyOfNoKey(ImportAlgorithm algorithm, std::string_view hash) {
  if (std::all_of(hash.begin(), hash.end(), [](char byte) { return byte == 0; })) {
    return "must not be all zeros";
  }
  static const Sha256Bytes kEmpty256 = Sha256("");
  static const Sha512Bytes kEmpty512 = Sha512("");
  const bool is_256 = algorithm == ImportAlgorithm::kSha256;
  return hash == (is_256 ? AsBytes(kEmpty256) : AsBytes(kEmpty512))
             ? "is the digest of an empty text"
             : "";
}

void ReadDigestOf(const v1::ImportedKey& key, ImportRow& row, FieldErrors& errors) {
  if (key.digest_case() == v1::ImportedKey::DIGEST_NOT_SET) {
    errors.Check(RequiredField("digest", "must be sha256 or sha512 of the key's whole text"));
    return;
  }
  const bool is_256 = key.has_sha256();
  row.algorithm = is_256 ? ImportAlgorithm::kSha256 : ImportAlgorithm::kSha512;
  const size_t size = is_256 ? Sha256Bytes().size() : Sha512Bytes().size();
  const char* field = is_256 ? "sha256" : "sha512";
  if (!DecodeDigest(is_256 ? key.sha256() : key.sha512(), size, row.hash)) {
    errors.Add(field, fmt::format("must be {} bytes as {} hexadecimal digits or as base64", size,
                                  2 * size));
    return;
  }
  const std::string_view wrong = WhyOfNoKey(row.algorithm, row.hash);
  if (!wrong.empty()) errors.Add(field, std::string(wrong));
}

absl::StatusOr<ImportRow> ToRow(const v1::ImportedKey& key) {
  FieldErrors errors;
  ImportRow row;
  ReadDigestOf(key, row, errors);
  IssueParams& params = row.attributes;
  params.display_name =
      field::ReadRequiredName("display_name", key.display_name(), kMaxNameCharacters, errors);
  params.description =
      field::ReadText("description", key.description(), kMaxDescriptionCharacters, errors);
  params.environment =
      field::ReadEnvironment("environment", key.environment(), errors).value_or(Environment::kLive);
  params.scopes = field::ReadScopes("scopes", key.scopes(), errors);
  if (key.has_ttl()) {
    params.expiration = field::ReadDuration("ttl", key.ttl(), errors);
  } else if (key.has_expire_time()) {
    params.expiration = field::ReadTime("expire_time", key.expire_time(), errors);
  }
  params.owner = field::ReadText("owner", key.owner(), kMaxNameCharacters, errors);
  params.labels = field::ReadLabels("labels", key.labels(), errors);
  params.metadata = field::ReadMetadata("metadata", key.metadata(), errors);
  params.allowed_cidrs = field::ReadCidrs("allowed_cidrs", key.allowed_cidrs(), errors);
  row.masked_key = field::ReadText("masked_key", key.masked_key(), kMaxMaskedKeyCharacters, errors);
  if (!errors.ok()) return errors.ToStatus();
  return row;
}

}  // namespace

absl::StatusOr<LookedUp> ToLookedUp(const v1::LookupKeyRequest& request) {
  FieldErrors errors;
  LookedUp what;
  switch (request.credential_case()) {
    case v1::LookupKeyRequest::kKey:
      if (request.key().empty()) {
        errors.Check(RequiredField("key", "must be the whole text of a key"));
      }
      what = ReadRawKey(request.key(), errors);
      break;
    case v1::LookupKeyRequest::kDigest:
      what = ReadDigest(request.digest(), errors);
      break;
    case v1::LookupKeyRequest::kKeyPrefix: {
      const std::optional<KeyHead> head = KeyHead::Parse(request.key_prefix());
      if (head.has_value()) {
        what = *head;
      } else {
        errors.Add("key_prefix", "must be the public head of a key, <prefix>_<live|test>_<key id>");
      }
      break;
    }
    case v1::LookupKeyRequest::CREDENTIAL_NOT_SET:
      errors.Check(RequiredField("credential", "must be key, digest or key_prefix"));
      break;
  }
  if (!errors.ok()) return errors.ToStatus();
  return what;
}

absl::StatusOr<ImportParams> ToImportParams(const v1::ImportKeysRequest& request) {
  FieldErrors errors;
  ImportParams params;
  params.project_id = field::ReadProjectId("project_id", request.project_id(), errors);
  params.validate_only = request.validate_only();
  if (request.keys_size() < 1 || request.keys_size() > kMaxKeys) {
    errors.Add("keys", fmt::format("must be 1 to {} keys", kMaxKeys));
  }
  if (!errors.ok()) return errors.ToStatus();
  params.rows.reserve(static_cast<size_t>(request.keys_size()));
  for (const v1::ImportedKey& key : request.keys()) params.rows.push_back(ToRow(key));
  return params;
}

void FillImport(const std::vector<ImportedRow>& rows, v1::ImportKeysResponse& out) {
  int64_t imported = 0;
  int64_t already_imported = 0;
  for (const ImportedRow& row : rows) {
    v1::ImportKeyResult& result = *out.add_results();
    if (!row.rejected.ok()) {
      result.set_outcome(v1::IMPORT_OUTCOME_REJECTED);
      result.set_reason(std::string(ReasonName(DetailsOf(row.rejected).reason)));
      result.set_message(std::string(row.rejected.message()));
      continue;
    }
    result.set_outcome(row.already_there ? v1::IMPORT_OUTCOME_ALREADY_IMPORTED
                                         : v1::IMPORT_OUTCOME_IMPORTED);
    ++(row.already_there ? already_imported : imported);
    if (row.key_id.has_value()) result.set_key_id(row.key_id->ToString());
  }
  out.set_imported_count(imported);
  out.set_already_imported_count(already_imported);
  out.set_rejected_count(static_cast<int64_t>(rows.size()) - imported - already_imported);
}

}  // namespace claviger
