#include "client/src/call_credentials.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include <algorithm>
#include <cstddef>
#include <iterator>

#include "fmt/format.h"

namespace claviger::client {
namespace {

constexpr std::string_view kAuthorization = "authorization";
constexpr std::string_view kBearer = "bearer ";
constexpr size_t kMaxKeyHeaders = 8;
constexpr size_t kMaxHeaderName = 64;

std::string_view ViewOf(grpc::string_ref text) { return {text.data(), text.size()}; }

char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// The scheme's name is case-insensitive (RFC 9110, 11.1).
bool StartsWithBearer(std::string_view value) {
  return value.size() > kBearer.size() &&
         std::equal(kBearer.begin(), kBearer.end(), value.begin(),
                    [](char wanted, char c) { return wanted == ToLower(c); });
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// What gRPC accepts as the name of a header with text in it.
bool IsHeaderName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxHeaderName && !name.ends_with("-bin") &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                  c == '.';
         });
}

grpc::Status MakeStatus(grpc::StatusCode code, std::string_view reason, std::string_view message,
                        const std::vector<std::string>& missing_scopes) {
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain("claviger");
  if (!missing_scopes.empty()) {
    (*info.mutable_metadata())["missing_scopes"] =
        fmt::format("{}", fmt::join(missing_scopes, " "));
  }
  google::rpc::Status details;
  details.set_code(code);
  details.set_message(std::string(message));
  details.add_details()->PackFrom(info);
  return {code, details.message(), details.SerializeAsString()};
}

}  // namespace

std::variant<std::string_view, NoKey> FindKey(const CallMetadata& metadata,
                                              const GuardOptions& options) {
  for (const std::string& header : options.key_headers) {
    const auto [first, last] = metadata.equal_range(grpc::string_ref(header));
    if (first == last) continue;
    // Which one would count, and which one does a proxy in front of us look at?
    if (std::next(first) != last) return NoKey::kMalformed;
    std::string_view value = ViewOf(first->second);
    if (header == kAuthorization) {
      if (!StartsWithBearer(value)) return NoKey::kMalformed;
      value.remove_prefix(kBearer.size());
    }
    value = Trimmed(value);
    if (value.empty()) return NoKey::kMalformed;
    return value;
  }
  return NoKey::kMissing;
}

std::string_view AddressFromHeader(const CallMetadata& metadata, const GuardOptions& options) {
  const auto [first, last] = metadata.equal_range(grpc::string_ref(options.address_header));
  if (first == last) return {};
  const std::string_view value = ViewOf(std::prev(last)->second);
  const size_t comma = value.rfind(',');
  return Trimmed(comma == std::string_view::npos ? value : value.substr(comma + 1));
}

std::string AddressOfPeer(std::string_view peer) {
  constexpr std::string_view kV4 = "ipv4:";
  constexpr std::string_view kV6 = "ipv6:";
  const size_t colon = peer.rfind(':');
  if (peer.starts_with(kV4) && colon >= kV4.size()) {
    return std::string(peer.substr(kV4.size(), colon - kV4.size()));
  }
  if (!peer.starts_with(kV6)) return {};
  peer.remove_prefix(kV6.size());
  // Older versions of gRPC do not escape the brackets.
  for (const auto& [open, close] : {std::pair<std::string_view, std::string_view>{"%5B", "%5D"},
                                    std::pair<std::string_view, std::string_view>{"[", "]"}}) {
    const size_t end = peer.find(close);
    if (!peer.starts_with(open) || end == std::string_view::npos) continue;
    std::string_view address = peer.substr(open.size(), end - open.size());
    // A zone says which link, not which address.
    return std::string(address.substr(0, address.find('%')));
  }
  return {};
}

absl::Status Validate(const GuardOptions& options) {
  if (options.key_headers.empty() || options.key_headers.size() > kMaxKeyHeaders) {
    return absl::InvalidArgumentError(fmt::format("key_headers: must be 1 to {}", kMaxKeyHeaders));
  }
  constexpr std::string_view kAccepted = "must be [a-z0-9_.-]{{1,{}}} and not end in -bin";
  for (size_t i = 0; i < options.key_headers.size(); ++i) {
    if (!IsHeaderName(options.key_headers[i])) {
      return absl::InvalidArgumentError(
          fmt::format("key_headers[{}]: {}", i, fmt::format(kAccepted, kMaxHeaderName)));
    }
  }
  if (!options.address_header.empty() && !IsHeaderName(options.address_header)) {
    return absl::InvalidArgumentError(
        fmt::format("address_header: {}", fmt::format(kAccepted, kMaxHeaderName)));
  }
  return absl::OkStatus();
}

std::string_view ReasonOf(NoKey why) {
  return why == NoKey::kMissing ? "KEY_MISSING" : "KEY_INVALID";
}

std::string_view ReasonOf(DecisionCode code) {
  switch (code) {
    case DecisionCode::kNotFound:
      return "KEY_INVALID";
    case DecisionCode::kDisabled:
      return "KEY_DISABLED";
    case DecisionCode::kExpired:
      return "KEY_EXPIRED";
    case DecisionCode::kRevoked:
      return "KEY_REVOKED";
    case DecisionCode::kUnavailable:
      return "AUTHORITY_UNAVAILABLE";
    case DecisionCode::kValid:
    case DecisionCode::kInsufficientScope:
    case DecisionCode::kAddressNotAllowed:
    case DecisionCode::kRateLimited:
    case DecisionCode::kQuotaExceeded:
      break;
  }
  return DecisionCodeName(code);
}

grpc::Status ToGrpcStatus(NoKey why) {
  return MakeStatus(grpc::StatusCode::UNAUTHENTICATED, ReasonOf(why),
                    why == NoKey::kMissing ? "an API key is required" : "not a valid API key", {});
}

grpc::Status ToGrpcStatus(const Decision& decision) {
  if (decision.valid()) return grpc::Status::OK;
  const absl::Status status = decision.ToStatus();
  return MakeStatus(static_cast<grpc::StatusCode>(status.code()), ReasonOf(decision.code()),
                    std::string(status.message()), decision.missing_scopes());
}

}  // namespace claviger::client
