// Errors with what a caller needs to act on them: a machine-readable reason, the fields that were
// wrong, when to try again. They travel as payloads of absl::Status; server/rpc/ turns them into
// google.rpc details in one place.
//
//   return ErrorBuilder(absl::StatusCode::kInvalidArgument, Reason::kFieldInvalid)
//       .Field("scopes[2]", "must be segments of [a-z0-9_.-]{1,64} joined by ':'")
//       .Build("scopes[2] is not a scope");
#ifndef CLAVIGER_CORE_STATUS_H_
#define CLAVIGER_CORE_STATUS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace claviger {

// Machine-readable cause of an error: `google.rpc.ErrorInfo.reason`, domain `claviger`. A reason
// never changes its meaning and is never renamed.
enum class Reason {
  kUnknown,            // UNKNOWN: an error without a reason of ours
  kFieldRequired,      // FIELD_REQUIRED
  kFieldInvalid,       // FIELD_INVALID: malformed, out of bounds, or not among what is accepted
  kFieldConflict,      // FIELD_CONFLICT: fields that exclude each other
  kUnknownField,       // UNKNOWN_FIELD: the request has a field that this server does not know
  kMalformedRequest,   // MALFORMED_REQUEST: not a protobuf message, or bad UTF-8
  kMessageTooLarge,    // MESSAGE_TOO_LARGE
  kUnknownMethod,      // UNKNOWN_METHOD: this server has no such method
  kPageTokenInvalid,   // PAGE_TOKEN_INVALID: not ours, or the arguments changed
  kListTooLarge,       // LIST_TOO_LARGE: more keys than can be sorted for a list
  kScopeNotInCatalog,  // SCOPE_NOT_IN_CATALOG
  kPolicyViolation,    // POLICY_VIOLATION: the project's policy forbids it
  kRequestIdReused,    // REQUEST_ID_REUSED: the same request id with other arguments
  kStaleRevision,      // STALE_REVISION: `if_revision` is not the current one
  kKeyRevoked,         // KEY_REVOKED: a revoked key cannot do that
  kKeyDisabled,        // KEY_DISABLED: a disabled key cannot do that
  kKeyRotated,         // KEY_ROTATED: another key took its place already
  kKeyNotFound,        // KEY_NOT_FOUND
  kDigestInUse,        // DIGEST_IN_USE: no key with that digest can be imported there
  kProjectNotFound,    // PROJECT_NOT_FOUND
  kProjectExists,      // PROJECT_EXISTS
  kProjectNotEmpty,    // PROJECT_NOT_EMPTY
  kLastAdminKey,       // LAST_ADMIN_KEY: nobody could manage everything any more
  kProjectReserved,  // PROJECT_RESERVED: `claviger` and `default` cannot be deleted or re-purposed
  kTooManyKeys,      // TOO_MANY_KEYS: more keys match than the call may change
  kCredentialMissing,    // CREDENTIAL_MISSING
  kCredentialInvalid,    // CREDENTIAL_INVALID: not a valid management key or mapped certificate
  kPermissionDenied,     // PERMISSION_DENIED: the caller lacks the permission
  kPrivilegeEscalation,  // PRIVILEGE_ESCALATION: more than the caller itself has
  kRevisionNotReached,   // REVISION_NOT_REACHED: `at_least_revision` is ahead of this server
  kStoreUnavailable,     // STORE_UNAVAILABLE: cannot read or cannot commit now
  kStoreFull,            // STORE_FULL: no room for growth
  kOverloaded,           // OVERLOADED
  kDeadlineExceeded,     // DEADLINE_EXCEEDED
  kShuttingDown,         // SHUTTING_DOWN
  kConfigInvalid,        // CONFIG_INVALID
  kDataCorrupt,          // DATA_CORRUPT: what is stored cannot be what was written
  kInternal,             // INTERNAL: a defect of ours
};

// UPPER_SNAKE_CASE, as it goes over the wire.
std::string_view ReasonName(Reason reason);

// One bad field of a request.
struct FieldViolation {
  std::string field;        // path in the request, e.g. `allowed_cidrs[3]`
  std::string description;  // what is accepted

  friend bool operator==(const FieldViolation&, const FieldViolation&) = default;
};

// What an error is about.
struct ResourceName {
  std::string type;  // `key`, `project`
  std::string name;  // as the caller named it

  friend bool operator==(const ResourceName&, const ResourceName&) = default;
};

// All that an error carries beside code and message.
struct ErrorDetails {
  Reason reason = Reason::kUnknown;
  std::vector<FieldViolation> fields;
  std::optional<ResourceName> resource;
  std::optional<absl::Duration> retry_after;
};

// Makes an absl::Status with details.
class ErrorBuilder {
 public:
  ErrorBuilder(absl::StatusCode code, Reason reason) : code_(code) { details_.reason = reason; }

  ErrorBuilder& Field(std::string field, std::string accepted);
  ErrorBuilder& Resource(std::string type, std::string name);
  ErrorBuilder& RetryAfter(absl::Duration delay);
  // `message` names the field, the kind of the value and the bound; never a secret.
  absl::Status Build(std::string message) const;

 private:
  absl::StatusCode code_;
  ErrorDetails details_;
};

// The usual error of a bad field: INVALID_ARGUMENT, `FIELD_INVALID`, message "<field>: <accepted>".
absl::Status InvalidField(std::string field, std::string accepted);
// INVALID_ARGUMENT, `FIELD_REQUIRED`.
absl::Status RequiredField(std::string field, std::string accepted);

// What `status` carries; `Reason::kUnknown` and nothing else where it carries nothing.
ErrorDetails DetailsOf(const absl::Status& status);

}  // namespace claviger

#endif  // CLAVIGER_CORE_STATUS_H_
