// What a call to a guarded server brings: its key and its address.
#ifndef CLAVIGER_CLIENT_SRC_CALL_CREDENTIALS_H_
#define CLAVIGER_CLIENT_SRC_CALL_CREDENTIALS_H_

#include <grpcpp/support/status.h>
#include <grpcpp/support/string_ref.h>

#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "absl/status/status.h"
#include "claviger/decision.h"
#include "claviger/guard.h"

namespace claviger::client {

using CallMetadata = std::multimap<grpc::string_ref, grpc::string_ref>;

// Why there is no key to check.
enum class NoKey { kMissing, kMalformed };

// The key, which points into `metadata`, or why there is none. A key is never looked for in a
// second header when the first is there but not as it should be.
std::variant<std::string_view, NoKey> FindKey(const CallMetadata& metadata,
                                              const GuardOptions& options);

// The caller's address by the trusted header; empty when it is not there. REQUIRES:
// options.address_header is not empty.
std::string_view AddressFromHeader(const CallMetadata& metadata, const GuardOptions& options);
// The address in gRPC's name of a peer (`ipv4:192.0.2.1:4711`, `ipv6:%5B2001:db8::1%5D:4711`);
// empty when it has none (`unix:`).
std::string AddressOfPeer(std::string_view peer);

// OK, or INVALID_ARGUMENT naming the option that is wrong.
absl::Status Validate(const GuardOptions& options);

// What GuardResult::status says.
grpc::Status ToGrpcStatus(NoKey why);
grpc::Status ToGrpcStatus(const Decision& decision);
// `KEY_INVALID`, …
std::string_view ReasonOf(NoKey why);
std::string_view ReasonOf(DecisionCode code);

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_CALL_CREDENTIALS_H_
