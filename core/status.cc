#include "core/status.h"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/strings/cord.h"
#include "fmt/format.h"

namespace claviger {
namespace {

constexpr char kReasonUrl[] = "claviger/reason";
constexpr char kFieldsUrl[] = "claviger/field_violations";
constexpr char kResourceUrl[] = "claviger/resource";
constexpr char kRetryAfterUrl[] = "claviger/retry_after_ns";

struct NamedReason {
  Reason reason;
  std::string_view name;
};

constexpr std::array kReasons = {
    NamedReason{Reason::kUnknown, "UNKNOWN"},
    NamedReason{Reason::kFieldRequired, "FIELD_REQUIRED"},
    NamedReason{Reason::kFieldInvalid, "FIELD_INVALID"},
    NamedReason{Reason::kFieldConflict, "FIELD_CONFLICT"},
    NamedReason{Reason::kUnknownField, "UNKNOWN_FIELD"},
    NamedReason{Reason::kMalformedRequest, "MALFORMED_REQUEST"},
    NamedReason{Reason::kMessageTooLarge, "MESSAGE_TOO_LARGE"},
    NamedReason{Reason::kUnknownMethod, "UNKNOWN_METHOD"},
    NamedReason{Reason::kPageTokenInvalid, "PAGE_TOKEN_INVALID"},
    NamedReason{Reason::kListTooLarge, "LIST_TOO_LARGE"},
    NamedReason{Reason::kScopeNotInCatalog, "SCOPE_NOT_IN_CATALOG"},
    NamedReason{Reason::kPolicyViolation, "POLICY_VIOLATION"},
    NamedReason{Reason::kRequestIdReused, "REQUEST_ID_REUSED"},
    NamedReason{Reason::kStaleRevision, "STALE_REVISION"},
    NamedReason{Reason::kKeyRevoked, "KEY_REVOKED"},
    NamedReason{Reason::kKeyDisabled, "KEY_DISABLED"},
    NamedReason{Reason::kKeyRotated, "KEY_ROTATED"},
    NamedReason{Reason::kKeyNotFound, "KEY_NOT_FOUND"},
    NamedReason{Reason::kDigestInUse, "DIGEST_IN_USE"},
    NamedReason{Reason::kProjectNotFound, "PROJECT_NOT_FOUND"},
    NamedReason{Reason::kProjectExists, "PROJECT_EXISTS"},
    NamedReason{Reason::kProjectNotEmpty, "PROJECT_NOT_EMPTY"},
    NamedReason{Reason::kLastAdminKey, "LAST_ADMIN_KEY"},
    NamedReason{Reason::kProjectReserved, "PROJECT_RESERVED"},
    NamedReason{Reason::kTooManyKeys, "TOO_MANY_KEYS"},
    NamedReason{Reason::kCredentialMissing, "CREDENTIAL_MISSING"},
    NamedReason{Reason::kCredentialInvalid, "CREDENTIAL_INVALID"},
    NamedReason{Reason::kPermissionDenied, "PERMISSION_DENIED"},
    NamedReason{Reason::kPrivilegeEscalation, "PRIVILEGE_ESCALATION"},
    NamedReason{Reason::kRevisionNotReached, "REVISION_NOT_REACHED"},
    NamedReason{Reason::kStoreUnavailable, "STORE_UNAVAILABLE"},
    NamedReason{Reason::kStoreFull, "STORE_FULL"},
    NamedReason{Reason::kOverloaded, "OVERLOADED"},
    NamedReason{Reason::kDeadlineExceeded, "DEADLINE_EXCEEDED"},
    NamedReason{Reason::kShuttingDown, "SHUTTING_DOWN"},
    NamedReason{Reason::kConfigInvalid, "CONFIG_INVALID"},
    NamedReason{Reason::kDataCorrupt, "DATA_CORRUPT"},
    NamedReason{Reason::kInternal, "INTERNAL"},
};

constexpr bool EachReasonAtItsIndex() {
  for (size_t i = 0; i < kReasons.size(); ++i) {
    if (static_cast<size_t>(kReasons[i].reason) != i) return false;
  }
  return kReasons.size() == static_cast<size_t>(Reason::kInternal) + 1;
}
static_assert(EachReasonAtItsIndex(), "kReasons must list the enumerators of Reason in order");

Reason ReasonOf(std::string_view name) {
  for (const NamedReason& entry : kReasons) {
    if (entry.name == name) return entry.reason;
  }
  return Reason::kUnknown;
}

// Payloads hold lists of strings as `<length>:<bytes>` one after the other, so that any bytes,
// repetitions and the order survive.
void AppendString(std::string& out, std::string_view s) {
  fmt::format_to(std::back_inserter(out), "{}:{}", s.size(), s);
}

std::optional<std::string> TakeString(std::string_view& rest) {
  size_t length = 0;
  const char* const end = rest.data() + rest.size();
  const auto [colon, error] = std::from_chars(rest.data(), end, length);
  if (error != std::errc() || colon == end || *colon != ':') return std::nullopt;
  rest.remove_prefix(static_cast<size_t>(colon + 1 - rest.data()));
  if (length > rest.size()) return std::nullopt;
  std::string taken(rest.substr(0, length));
  rest.remove_prefix(length);
  return taken;
}

std::optional<std::pair<std::string, std::string>> TakePair(std::string_view& rest) {
  std::optional<std::string> first = TakeString(rest);
  if (!first.has_value()) return std::nullopt;
  std::optional<std::string> second = TakeString(rest);
  if (!second.has_value()) return std::nullopt;
  return std::pair(*std::move(first), *std::move(second));
}

std::optional<std::string> PayloadOf(const absl::Status& status, const char* url) {
  const absl::optional<absl::Cord> payload = status.GetPayload(url);
  if (!payload.has_value()) return std::nullopt;
  return std::string(*payload);
}

}  // namespace

std::string_view ReasonName(Reason reason) {
  const auto index = static_cast<size_t>(reason);
  return index < kReasons.size() ? kReasons[index].name : kReasons[0].name;
}

ErrorBuilder& ErrorBuilder::Field(std::string field, std::string accepted) {
  details_.fields.push_back({std::move(field), std::move(accepted)});
  return *this;
}

ErrorBuilder& ErrorBuilder::Resource(std::string type, std::string name) {
  details_.resource = ResourceName{std::move(type), std::move(name)};
  return *this;
}

ErrorBuilder& ErrorBuilder::RetryAfter(absl::Duration delay) {
  details_.retry_after = delay;
  return *this;
}

absl::Status ErrorBuilder::Build(std::string message) const {
  absl::Status status(code_, message);
  status.SetPayload(kReasonUrl, absl::Cord(std::string(ReasonName(details_.reason))));
  if (!details_.fields.empty()) {
    std::string fields;
    for (const FieldViolation& violation : details_.fields) {
      AppendString(fields, violation.field);
      AppendString(fields, violation.description);
    }
    status.SetPayload(kFieldsUrl, absl::Cord(std::move(fields)));
  }
  if (details_.resource.has_value()) {
    std::string resource;
    AppendString(resource, details_.resource->type);
    AppendString(resource, details_.resource->name);
    status.SetPayload(kResourceUrl, absl::Cord(std::move(resource)));
  }
  if (details_.retry_after.has_value()) {
    status.SetPayload(kRetryAfterUrl,
                      absl::Cord(fmt::to_string(absl::ToInt64Nanoseconds(*details_.retry_after))));
  }
  return status;
}

absl::Status InvalidField(std::string field, std::string accepted) {
  std::string message = fmt::format("{}: {}", field, accepted);
  return ErrorBuilder(absl::StatusCode::kInvalidArgument, Reason::kFieldInvalid)
      .Field(std::move(field), std::move(accepted))
      .Build(std::move(message));
}

absl::Status RequiredField(std::string field, std::string accepted) {
  std::string message = fmt::format("{} is required: {}", field, accepted);
  return ErrorBuilder(absl::StatusCode::kInvalidArgument, Reason::kFieldRequired)
      .Field(std::move(field), std::move(accepted))
      .Build(std::move(message));
}

ErrorDetails DetailsOf(const absl::Status& status) {
  ErrorDetails details;
  if (const auto reason = PayloadOf(status, kReasonUrl)) details.reason = ReasonOf(*reason);
  if (const auto fields = PayloadOf(status, kFieldsUrl)) {
    std::string_view rest = *fields;
    while (auto pair = TakePair(rest)) {
      details.fields.push_back({std::move(pair->first), std::move(pair->second)});
    }
  }
  if (const auto resource = PayloadOf(status, kResourceUrl)) {
    std::string_view rest = *resource;
    if (auto pair = TakePair(rest)) {
      details.resource = ResourceName{std::move(pair->first), std::move(pair->second)};
    }
  }
  if (const auto retry_after = PayloadOf(status, kRetryAfterUrl)) {
    int64_t nanoseconds = 0;
    const char* const end = retry_after->data() + retry_after->size();
    const auto [parsed, error] = std::from_chars(retry_after->data(), end, nanoseconds);
    if (error == std::errc() && parsed == end) details.retry_after = absl::Nanoseconds(nanoseconds);
  }
  return details;
}

}  // namespace claviger
