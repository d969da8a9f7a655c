// Requests from bytes and answers to bytes. The services take raw bytes from gRPC, because its own
// parsing answers a malformed message with UNIMPLEMENTED and no word of what is wrong.
#ifndef CLAVIGER_SERVER_RPC_WIRE_H_
#define CLAVIGER_SERVER_RPC_WIRE_H_

#include <cstddef>

#include "absl/status/status.h"
#include "claviger/v1/key_authority.pb.h"
#include "claviger/v1/verifier.pb.h"
#include "core/digest.h"
#include "google/protobuf/message.h"
#include "grpcpp/support/byte_buffer.h"

namespace claviger {

inline constexpr size_t kMaxRequestBytes = 64 * 1024;
inline constexpr size_t kMaxBatchRequestBytes = 1024 * 1024;

// Fills `request`, or says what is wrong: INVALID_ARGUMENT `MESSAGE_TOO_LARGE`, `MALFORMED_REQUEST`
// (naming the string that is not UTF-8, if that is it).
absl::Status ParseRequest(const grpc::ByteBuffer& bytes, size_t max_bytes,
                          google::protobuf::Message& request);

// OK, or INVALID_ARGUMENT `UNKNOWN_FIELD` naming where a field stands that this server does not
// know, at any depth. To ignore it would be to ignore a wish (a limit to addresses, say) that the
// caller believes to be granted.
absl::Status CheckNoUnknownFields(const google::protobuf::Message& request);
// The same without reflection, for the check path.
absl::Status CheckNoUnknownFields(const v1::VerifyRequest& request);

// Replaces what `bytes` holds.
grpc::Status SerializeAnswer(const google::protobuf::Message& answer, grpc::ByteBuffer& bytes);

// SHA-256 of the message's type and deterministic serialization: the same for equal messages within
// one version of this program.
Sha256Bytes HashMessage(const google::protobuf::Message& message);
// The deterministic serialization itself.
std::string SerializeDeterministic(const google::protobuf::Message& message);

// Overwrites secrets that a message holds, before its memory is reused or freed.
inline void CleanseSecrets(const google::protobuf::Message&) {}
void CleanseSecrets(v1::VerifyRequest& request);
void CleanseSecrets(v1::BatchVerifyRequest& request);
void CleanseSecrets(v1::LookupKeyRequest& request);
void CleanseSecrets(v1::IssueKeyResponse& response);
void CleanseSecrets(v1::RotateKeyResponse& response);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_WIRE_H_
