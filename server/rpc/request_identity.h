// What makes a call with a `request_id` one that may be repeated.
#ifndef CLAVIGER_SERVER_RPC_REQUEST_IDENTITY_H_
#define CLAVIGER_SERVER_RPC_REQUEST_IDENTITY_H_

#include <optional>
#include <string>
#include <utility>

#include "server/manage/request_memory.h"
#include "server/rpc/field_errors.h"
#include "server/rpc/request_fields.h"
#include "server/rpc/wire.h"

namespace claviger::field {

// nullopt for a request without a `request_id`. A trial is the same call as the one it tries.
template <typename Request>
std::optional<RequestIdentity> ReadRequestIdentity(const Request& request, FieldErrors& errors) {
  std::optional<std::string> id = ReadUuid("request_id", request.request_id(), errors);
  if (!id.has_value()) return std::nullopt;
  Request rest = request;
  rest.clear_request_id();
  rest.clear_validate_only();
  return RequestIdentity{.id = *std::move(id), .arguments_hash = HashMessage(rest)};
}

}  // namespace claviger::field

#endif  // CLAVIGER_SERVER_RPC_REQUEST_IDENTITY_H_
