// What a request says about the things that it is about, for the record of a refused call.
#ifndef CLAVIGER_SERVER_RPC_REFUSED_CALL_H_
#define CLAVIGER_SERVER_RPC_REFUSED_CALL_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "google/protobuf/message.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/manage/caller.h"
#include "server/rpc/wire.h"

namespace claviger {

// Ids of the right form, whether or not there is such a thing; else empty.
struct RequestIds {
  std::string project_id;
  std::string key_id;
};

// From the fields `key_id` and `project_id` of `request`, or of its `project`. Anything else that
// stands there is a stranger's text and is not taken over.
RequestIds IdsOf(const google::protobuf::Message& request);

// The same from the bytes of a `Request`; nothing when they cannot be read.
template <typename Request>
RequestIds ReadIds(const grpc::ByteBuffer& bytes, size_t max_bytes) {
  Request request;
  if (!ParseRequest(bytes, max_bytes, request).ok()) return {};
  RequestIds ids = IdsOf(request);
  CleanseSecrets(request);
  return ids;
}

// A call at its end, for the record of those that were refused.
struct EndedCall {
  const grpc::CallbackServerContext& context;
  const Caller* caller;                 // null: it could not be told
  absl::FunctionRef<RequestIds()> ids;  // asked only where the call is recorded
};

// Whether `status` says that the caller may not do this, or is nobody; `caller` is null where it
// could not be told. For a caller that is bound to projects NOT_FOUND is one too: what it may not
// see is not there for it, and who probes for that is to be seen in the log.
inline bool IsRefusal(const absl::Status& status, const Caller* caller) {
  if (status.code() == absl::StatusCode::kNotFound) {
    return caller != nullptr && !caller->acts_in_all_projects();
  }
  return status.code() == absl::StatusCode::kPermissionDenied ||
         status.code() == absl::StatusCode::kUnauthenticated;
}

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_REFUSED_CALL_H_
