#include "client/cli/error_text.h"

#include <fmt/format.h>

#include "absl/strings/ascii.h"
#include "client/cli/display_text.h"
#include "client/cli/error_details.h"
#include "client/cli/time_text.h"
#include "core/status.h"

namespace claviger::cli {
namespace {

std::string_view CodeName(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::OK:
      return "OK";
    case grpc::StatusCode::CANCELLED:
      return "CANCELLED";
    case grpc::StatusCode::INVALID_ARGUMENT:
      return "INVALID_ARGUMENT";
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return "DEADLINE_EXCEEDED";
    case grpc::StatusCode::NOT_FOUND:
      return "NOT_FOUND";
    case grpc::StatusCode::ALREADY_EXISTS:
      return "ALREADY_EXISTS";
    case grpc::StatusCode::PERMISSION_DENIED:
      return "PERMISSION_DENIED";
    case grpc::StatusCode::UNAUTHENTICATED:
      return "UNAUTHENTICATED";
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return "RESOURCE_EXHAUSTED";
    case grpc::StatusCode::FAILED_PRECONDITION:
      return "FAILED_PRECONDITION";
    case grpc::StatusCode::ABORTED:
      return "ABORTED";
    case grpc::StatusCode::OUT_OF_RANGE:
      return "OUT_OF_RANGE";
    case grpc::StatusCode::UNIMPLEMENTED:
      return "UNIMPLEMENTED";
    case grpc::StatusCode::INTERNAL:
      return "INTERNAL";
    case grpc::StatusCode::UNAVAILABLE:
      return "UNAVAILABLE";
    case grpc::StatusCode::DATA_LOSS:
      return "DATA_LOSS";
    default:
      return "UNKNOWN";
  }
}

bool IsOfName(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// `text` with the flags in the place of their fields, where these are words of their own.
std::string WithFlags(std::string text, const FlagNames& flags) {
  for (const auto& [field, flag] : flags) {
    for (size_t at = text.find(field); at != std::string::npos; at = text.find(field, at)) {
      const size_t end = at + field.size();
      const bool is_word = (at == 0 || (!IsOfName(text[at - 1]) && text[at - 1] != '.')) &&
                           (end == text.size() || !IsOfName(text[end]));
      if (is_word) text.replace(at, field.size(), flag);
      at += is_word ? flag.size() : field.size();
    }
  }
  return text;
}

// A status without our details comes from the gRPC library, not from the server.
std::string DescribeTransportError(const grpc::Status& status, std::string_view server) {
  const std::string message = EscapeForTerminal(status.error_message());
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
      return fmt::format("claviger: cannot reach the server at {}\n  {}\n", server, message);
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return fmt::format("claviger: no answer from {} in time (see --timeout)\n", server);
    case grpc::StatusCode::UNIMPLEMENTED:
      return fmt::format("claviger: the server at {} does not know this call\n  {}\n", server,
                         message);
    default:
      return fmt::format("claviger: {} ({})\n", message, CodeName(status.error_code()));
  }
}

}  // namespace

std::string DescribeError(const grpc::Status& status, std::string_view server,
                          const FlagNames& flags) {
  const WireErrorDetails details = DetailsFrom(status);
  if (details.reason.empty()) return DescribeTransportError(status, server);
  const std::string message = WithFlags(EscapeForTerminal(status.error_message()), flags);
  std::string text = fmt::format("claviger: {} ({})\n", message, EscapeForTerminal(details.reason));
  for (const FieldViolation& violation : details.fields) {
    const std::string line = WithFlags(
        EscapeForTerminal(fmt::format("{}: {}", violation.field, violation.description)), flags);
    // The usual error of one field has the field in its message already.
    if (line != message) text += fmt::format("  {}\n", line);
  }
  if (details.reason == ReasonName(Reason::kStoreFull)) {
    text += "  make room on the disk of the server's --data; no restart is needed\n";
  }
  if (details.retry_after.has_value()) {
    text += fmt::format("  try again in {}\n", FormatElapsed(*details.retry_after));
  }
  return text;
}

std::string DescribeError(const absl::Status& status) {
  const absl::string_view message = status.message();
  return fmt::format("claviger: {}\n",
                     EscapeForTerminal(std::string_view(message.data(), message.size())));
}

std::string ReasonOf(const grpc::Status& status) { return DetailsFrom(status).reason; }

}  // namespace claviger::cli
