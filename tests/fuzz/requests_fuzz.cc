// Every request as bytes from the wire, up to the point where the authority understands it. The
// first byte of an input says which request it is.
#include <optional>
#include <string>
#include <string_view>

#include "claviger/v1/audit.pb.h"
#include "claviger/v1/key_authority.pb.h"
#include "claviger/v1/project.pb.h"
#include "claviger/v1/usage.pb.h"
#include "claviger/v1/verifier.pb.h"
#include "core/status.h"
#include "core/text.h"
#include "google/protobuf/stubs/logging.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/rpc/audit_convert.h"
#include "server/rpc/import_requests.h"
#include "server/rpc/key_filter.h"
#include "server/rpc/key_requests.h"
#include "server/rpc/project_requests.h"
#include "server/rpc/rotate_request.h"
#include "server/rpc/status_mapping.h"
#include "server/rpc/sync_convert.h"
#include "server/rpc/update_request.h"
#include "server/rpc/usage_requests.h"
#include "server/rpc/verify_requests.h"
#include "server/rpc/wire.h"
#include "tests/fuzz/fuzz.h"

namespace claviger {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1893456000);

// What an error may be, whatever was sent; and `secret` is nowhere in it.
void CheckError(const absl::Status& status, std::string_view secret = {}) {
  if (status.ok()) return;
  FUZZ_CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  const ErrorDetails details = DetailsOf(status);
  FUZZ_CHECK(details.reason != Reason::kUnknown && details.reason != Reason::kInternal);
  FUZZ_CHECK(!status.message().empty());
  FUZZ_CHECK(IsValidUtf8({status.message().data(), status.message().size()}));
  for (const FieldViolation& violation : details.fields) {
    FUZZ_CHECK(!violation.field.empty() && !violation.description.empty());
  }
  const grpc::Status sent = ToGrpcStatus(status);
  if (secret.size() < 16) return;
  FUZZ_CHECK(sent.error_message().find(secret) == std::string::npos);
  FUZZ_CHECK(sent.error_details().find(secret) == std::string::npos);
}

// Parses as the services do; nullopt where they would have refused the bytes.
template <typename Request>
std::optional<Request> Parse(std::string_view bytes) {
  const grpc::Slice slice(bytes.data(), bytes.size());
  const grpc::ByteBuffer buffer(&slice, 1);
  Request request;
  absl::Status status = ParseRequest(buffer, kMaxRequestBytes, request);
  if (status.ok()) status = CheckNoUnknownFields(request);
  CheckError(status);
  if (!status.ok()) return std::nullopt;
  // Nothing that was sent is dropped: what was read says all of it again.
  Request again;
  FUZZ_CHECK(again.ParseFromString(request.SerializeAsString()));
  FUZZ_CHECK(HashMessage(again) == HashMessage(request));
  return request;
}

template <typename Request, typename Convert>
void Try(std::string_view bytes, const Convert& convert) {
  const std::optional<Request> request = Parse<Request>(bytes);
  if (request.has_value()) convert(*request);
}

template <typename Request>
void TryChange(std::string_view bytes) {
  Try<Request>(bytes, [](const Request& r) { CheckError(ToChangeParams(r).status()); });
}

void CheckIssue(const v1::IssueKeyRequest& request) {
  const absl::StatusOr<IssueParams> params = ToIssueParams(request);
  CheckError(params.status());
  if (!params.ok()) return;
  FUZZ_CHECK(CheckRequiredName("display_name", params->display_name, kMaxNameCharacters).ok());
  FUZZ_CHECK(params->scopes.size() <= kMaxScopesPerKey);
  FUZZ_CHECK(params->allowed_cidrs.size() <= kMaxCidrsPerKey);
  FUZZ_CHECK(params->labels.size() <= kMaxLabels);
  FUZZ_CHECK(params->metadata.size() <= kMaxMetadataBytes);
}

void CheckVerify(const v1::VerifyRequest& request) {
  CheckParams params;
  CheckError(CheckNoUnknownFields(request));
  CheckError(ReadCheck(request, params), request.key());
}

void CheckSync(const v1::SyncRequest& request) {
  if (request.has_hello()) CheckError(ToHello(request.hello(), absl::Hours(1)).status());
  if (request.has_beat()) ToBeat(request.beat());
}

}  // namespace
}  // namespace claviger

FUZZ_TARGET(requests) {
  using namespace claviger;  // NOLINT(google-build-using-namespace)
  // Protobuf tells standard error of each string that is not UTF-8, which takes longer than the
  // rest.
  [[maybe_unused]] static auto* const kQuiet = google::protobuf::SetLogHandler(nullptr);
  if (input.empty()) return;
  const std::string_view bytes = input.substr(1);
  switch (input[0]) {
    case 'i':
      return Try<v1::IssueKeyRequest>(bytes, CheckIssue);
    case 'g':
      return Try<v1::GetKeyRequest>(
          bytes, [](const auto& r) { CheckError(ToKeyId(r.key_id()).status()); });
    case 'l':
      return Try<v1::ListKeysRequest>(bytes,
                                      [](const auto& r) { CheckError(ToListParams(r).status()); });
    case 's':
      TryChange<v1::UpdateScopesRequest>(bytes);
      return Try<v1::UpdateScopesRequest>(
          bytes, [](const auto& r) { CheckError(ToScopeChange(r).status()); });
    case 'd':
      return TryChange<v1::DisableKeyRequest>(bytes);
    case 'e':
      return TryChange<v1::EnableKeyRequest>(bytes);
    case 'r':
      TryChange<v1::RevokeKeyRequest>(bytes);
      return Try<v1::RevokeKeyRequest>(bytes,
                                       [](const auto& r) { CheckError(ToRevokeNote(r).status()); });
    case 'x':
      TryChange<v1::DeleteKeyRequest>(bytes);
      return Try<v1::DeleteKeyRequest>(bytes,
                                       [](const auto& r) { CheckError(ToRevokeNote(r).status()); });
    case 'n':
      return TryChange<v1::UndeleteKeyRequest>(bytes);
    case 'o':
      return Try<v1::RotateKeyRequest>(
          bytes, [](const auto& r) { CheckError(ToRotateParams(r).status()); });
    case 'u':
      return Try<v1::UpdateKeyRequest>(bytes,
                                       [](const auto& r) { CheckError(ToKeyUpdate(r).status()); });
    case 'k':
      return Try<v1::RevokeKeysRequest>(
          bytes, [](const auto& r) { CheckError(ToBulkRevokeParams(r).status()); });
    case 'f':
      return Try<v1::LookupKeyRequest>(
          bytes, [](const auto& r) { CheckError(ToLookedUp(r).status(), r.key()); });
    case 'm':
      return Try<v1::ImportKeysRequest>(
          bytes, [](const auto& r) { CheckError(ToImportParams(r).status()); });
    case 'p':
      return Try<v1::CreateProjectRequest>(
          bytes, [](const auto& r) { CheckError(ToNewProject(r).status()); });
    case 'q':
      return Try<v1::UpdateProjectRequest>(
          bytes, [](const auto& r) { CheckError(ToProjectUpdate(r).status()); });
    case 'a':
      return Try<v1::ListAuditEventsRequest>(
          bytes, [](const auto& r) { CheckError(ToAuditListParams(r).status()); });
    case 'w':
      return Try<v1::WatchAuditEventsRequest>(
          bytes, [](const auto& r) { CheckError(ToAuditFilter(r).status()); });
    case 't':
      return Try<v1::GetUsageRequest>(
          bytes, [](const auto& r) { CheckError(ToUsageQuery(r, kNow).status()); });
    case 'v':
      return Try<v1::VerifyRequest>(bytes, CheckVerify);
    case 'b':
      return Try<v1::BatchVerifyRequest>(bytes, [](const auto& r) {
        for (const v1::VerifyRequest& check : r.checks()) CheckVerify(check);
      });
    case 'y':
      return Try<v1::SyncRequest>(bytes, CheckSync);
    default:
      return;
  }
}
