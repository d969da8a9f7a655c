// Opaque positions in a list, bound to the arguments of the list.
#ifndef CLAVIGER_SERVER_MANAGE_PAGE_TOKEN_H_
#define CLAVIGER_SERVER_MANAGE_PAGE_TOKEN_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "core/digest.h"

namespace claviger {

// A token for going on behind `position` in the list that `arguments_hash` names: base64url of a
// version, the first half of SHA-256 over hash and position, and the position.
std::string EncodePageToken(const Sha256Bytes& arguments_hash, std::string_view position);

// The position in `token`; INVALID_ARGUMENT `PAGE_TOKEN_INVALID` when it was not made by
// EncodePageToken with the same hash.
absl::StatusOr<std::string> DecodePageToken(const Sha256Bytes& arguments_hash,
                                            const std::string& token);

// The error of a token whose position makes no sense for the list.
absl::Status InvalidPageToken();

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_PAGE_TOKEN_H_
