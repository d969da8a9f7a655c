#include "server/manage/page_token.h"

#include "absl/strings/escaping.h"
#include "core/status.h"

namespace claviger {
namespace {

constexpr char kVersion = 1;
constexpr size_t kHashBytes = 16;
constexpr size_t kMaxTokenLength = 2048;

// Ties a position to the arguments, so that a token which was changed anywhere is found. It need
// not withstand forgery: a position shows nothing that the caller could not list.
std::string BindingOf(const Sha256Bytes& arguments_hash, std::string_view position) {
  std::string bound(AsBytes(arguments_hash));
  bound.append(position);
  return std::string(AsBytes(Sha256(bound)).substr(0, kHashBytes));
}

}  // namespace

absl::Status InvalidPageToken() {
  return ErrorBuilder(absl::StatusCode::kInvalidArgument, Reason::kPageTokenInvalid)
      .Field("page_token", "must be the next_page_token of a page with the same arguments")
      .Build("page_token: must be the next_page_token of a page with the same arguments");
}

std::string EncodePageToken(const Sha256Bytes& arguments_hash, std::string_view position) {
  std::string raw(1, kVersion);
  raw.append(BindingOf(arguments_hash, position));
  raw.append(position);
  return absl::WebSafeBase64Escape(raw);
}

absl::StatusOr<std::string> DecodePageToken(const Sha256Bytes& arguments_hash,
                                            const std::string& token) {
  std::string raw;
  if (token.size() > kMaxTokenLength || !absl::WebSafeBase64Unescape(token, &raw) ||
      raw.size() < 1 + kHashBytes || raw[0] != kVersion) {
    return InvalidPageToken();
  }
  std::string position = raw.substr(1 + kHashBytes);
  if (raw.compare(1, kHashBytes, BindingOf(arguments_hash, position)) != 0) {
    return InvalidPageToken();
  }
  return position;
}

}  // namespace claviger
