// The Verify call's messages between the wire and the client's own terms.
#ifndef CLAVIGER_CLIENT_SRC_VERIFY_CONVERT_H_
#define CLAVIGER_CLIENT_SRC_VERIFY_CONVERT_H_

#include <claviger/v1/verifier.pb.h>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/src/authority.h"
#include "client/src/flight_table.h"
#include "core/digest.h"
#include "core/key_format.h"

namespace claviger::client {

v1::VerifyRequest ToRequest(const AskedKey& key);

// What the authority said about `key` when it was asked at `asked_at`. INTERNAL: not an answer
// to that question, so that nobody gets in by it.
absl::StatusOr<FlightAnswer> FromResponse(const v1::VerifyResponse& response, const AskedKey& key,
                                          absl::Duration asked_at);

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_VERIFY_CONVERT_H_
