#include "client/src/call_credentials.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include <string>
#include <utility>
#include <vector>

#include "claviger/testing/fake_checker.h"
#include "gtest/gtest.h"

namespace claviger::client {
namespace {

using ::claviger::client_testing::DecideOn;
using ::claviger::client_testing::MakeDenial;
using ::claviger::client_testing::MakeGrant;

// Metadata keeps views: the headers outlive it.
using Headers = std::vector<std::pair<std::string, std::string>>;
CallMetadata MetadataOf(const Headers& headers) {
  CallMetadata metadata;
  for (const auto& [name, value] : headers) metadata.emplace(name, value);
  return metadata;
}

// The key that was found, or why none was.
std::string Found(const Headers& headers, const GuardOptions& options = {}) {
  const CallMetadata metadata = MetadataOf(headers);
  const auto found = FindKey(metadata, options);
  if (const auto* key = std::get_if<std::string_view>(&found)) return std::string(*key);
  return std::get<NoKey>(found) == NoKey::kMissing ? "<missing>" : "<malformed>";
}

TEST(FindKeyTest, LooksWhereItIsTold) {
  EXPECT_EQ(Found({{"authorization", "Bearer k"}}), "k");
  EXPECT_EQ(Found({{"authorization", "bEARER   k "}}), "k");
  EXPECT_EQ(Found({{"x-api-key", "k"}}), "k");
  EXPECT_EQ(Found({{"x-token", "k"}}), "<missing>");
  EXPECT_EQ(Found({{"x-token", "k"}}, {.key_headers = {"x-token"}}), "k");
  EXPECT_EQ(Found({{"authorization", "Bearer k"}}, {.key_headers = {"x-token"}}), "<missing>");
}

TEST(FindKeyTest, TheFirstHeaderThatIsThereCounts) {
  EXPECT_EQ(Found({{"authorization", "Bearer a"}, {"x-api-key", "b"}}), "a");
  EXPECT_EQ(Found({{"authorization", "Basic a"}, {"x-api-key", "b"}}), "<malformed>");
}

TEST(FindKeyTest, RefusesWhatIsAmbiguousOrEmpty) {
  EXPECT_EQ(Found({{"x-api-key", "a"}, {"x-api-key", "b"}}), "<malformed>");
  EXPECT_EQ(Found({{"x-api-key", "  "}}), "<malformed>");
  EXPECT_EQ(Found({{"authorization", "Bearer"}}), "<malformed>");
  EXPECT_EQ(Found({{"authorization", "Bearer "}}), "<malformed>");
  EXPECT_EQ(Found({{"authorization", "k"}}), "<malformed>");
}

TEST(AddressTest, TheNearestProxysWordCounts) {
  const GuardOptions options{.address_header = "x-forwarded-for"};
  const struct {
    Headers headers;
    const char* address;
  } kCases[] = {
      {{{"x-forwarded-for", "192.0.2.1"}}, "192.0.2.1"},
      {{{"x-forwarded-for", "10.0.0.1, 192.0.2.1 "}}, "192.0.2.1"},
      {{{"x-forwarded-for", "10.0.0.1"}, {"x-forwarded-for", "192.0.2.1"}}, "192.0.2.1"},
      {{{"x-forwarded-for", "10.0.0.1,"}}, ""},
      {{}, ""},
  };
  for (const auto& [headers, address] : kCases) {
    EXPECT_EQ(AddressFromHeader(MetadataOf(headers), options), address);
  }
}

TEST(AddressTest, OfAPeer) {
  EXPECT_EQ(AddressOfPeer("ipv4:192.0.2.1:4711"), "192.0.2.1");
  EXPECT_EQ(AddressOfPeer("ipv6:%5B2001:db8::1%5D:4711"), "2001:db8::1");
  EXPECT_EQ(AddressOfPeer("ipv6:[2001:db8::1]:4711"), "2001:db8::1");
  EXPECT_EQ(AddressOfPeer("ipv6:[fe80::1%25eth0]:4711"), "fe80::1");
  EXPECT_EQ(AddressOfPeer("unix:/run/s"), "");
  EXPECT_EQ(AddressOfPeer("ipv4:"), "");
  EXPECT_EQ(AddressOfPeer("ipv6:"), "");
  EXPECT_EQ(AddressOfPeer(""), "");
}

TEST(GuardOptionsTest, AWrongOneIsNamed) {
  EXPECT_EQ(Validate(GuardOptions()), absl::OkStatus());
  EXPECT_EQ(Validate({.key_headers = {}}).code(), absl::StatusCode::kInvalidArgument);
  for (const char* name : {"", "X-Api-Key", "key-bin", "a b", "a:b"}) {
    const absl::Status status = Validate({.key_headers = {"x-api-key", name}});
    EXPECT_EQ(std::string(status.message()).substr(0, 15), "key_headers[1]:") << name;
  }
  EXPECT_EQ(Validate({.address_header = "X-Real-IP"}).code(), absl::StatusCode::kInvalidArgument);
}

google::rpc::ErrorInfo InfoOf(const grpc::Status& status) {
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.details_size(), 1);
  EXPECT_TRUE(details.details(0).UnpackTo(&info));
  EXPECT_EQ(info.domain(), "claviger");
  return info;
}

TEST(GuardStatusTest, EachDenialHasCodeAndReason) {
  const struct {
    DecisionCode code;
    grpc::StatusCode status;
    const char* reason;
  } kCases[] = {
      {DecisionCode::kNotFound, grpc::StatusCode::UNAUTHENTICATED, "KEY_INVALID"},
      {DecisionCode::kDisabled, grpc::StatusCode::UNAUTHENTICATED, "KEY_DISABLED"},
      {DecisionCode::kExpired, grpc::StatusCode::UNAUTHENTICATED, "KEY_EXPIRED"},
      {DecisionCode::kRevoked, grpc::StatusCode::UNAUTHENTICATED, "KEY_REVOKED"},
      {DecisionCode::kAddressNotAllowed, grpc::StatusCode::PERMISSION_DENIED,
       "ADDRESS_NOT_ALLOWED"},
      {DecisionCode::kRateLimited, grpc::StatusCode::RESOURCE_EXHAUSTED, "RATE_LIMITED"},
      {DecisionCode::kQuotaExceeded, grpc::StatusCode::RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED"},
      {DecisionCode::kUnavailable, grpc::StatusCode::UNAVAILABLE, "AUTHORITY_UNAVAILABLE"},
  };
  for (const auto& [code, status, reason] : kCases) {
    const grpc::Status got = ToGrpcStatus(MakeDenial(code));
    EXPECT_EQ(got.error_code(), status) << reason;
    EXPECT_EQ(InfoOf(got).reason(), reason);
  }
  EXPECT_EQ(InfoOf(ToGrpcStatus(NoKey::kMissing)).reason(), "KEY_MISSING");
  EXPECT_EQ(InfoOf(ToGrpcStatus(NoKey::kMalformed)).reason(), "KEY_INVALID");
}

TEST(GuardStatusTest, NamesTheScopesThatAreMissing) {
  static constexpr std::string_view kWanted[] = {"a:b", "c:d"};
  const grpc::Status status = ToGrpcStatus(DecideOn(MakeGrant({}), {.required_scopes = kWanted}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  const google::rpc::ErrorInfo info = InfoOf(status);
  EXPECT_EQ(info.reason(), "INSUFFICIENT_SCOPE");
  EXPECT_EQ(info.metadata().at("missing_scopes"), "a:b c:d");
}

TEST(GuardStatusTest, AValidDecisionIsOk) {
  EXPECT_TRUE(ToGrpcStatus(DecideOn(MakeGrant({}), {})).ok());
}

}  // namespace
}  // namespace claviger::client
