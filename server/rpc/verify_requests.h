// A Verify request in the authority's own terms.
#ifndef CLAVIGER_SERVER_RPC_VERIFY_REQUESTS_H_
#define CLAVIGER_SERVER_RPC_VERIFY_REQUESTS_H_

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "claviger/v1/verifier.pb.h"
#include "core/decision.h"
#include "server/rpc/field_errors.h"
#include "server/verify/verifier.h"

namespace claviger {

// One check. Holds views into the request, which outlives it; takes no memory from the heap.
struct CheckParams {
  static constexpr int kMaxScopes = 64;

  CheckParams() = default;
  CheckParams(const CheckParams&) = delete;
  CheckParams& operator=(const CheckParams&) = delete;

  ShownCredential credential;
  Requirements wanted;
  std::array<std::string_view, kMaxScopes> required_scopes;
  std::array<std::string_view, kMaxScopes> any_scopes;
};

// A raw key of at most 1024 bytes, which outlives what is returned.
ShownCredential ReadRawKey(const std::string& key, FieldErrors& errors);
ShownCredential ReadDigest(const v1::KeyDigest& digest, FieldErrors& errors);

// Fills `params`, or INVALID_ARGUMENT naming all bad fields.
absl::Status ReadCheck(const v1::VerifyRequest& request, CheckParams& params);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_VERIFY_REQUESTS_H_
