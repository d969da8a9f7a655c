#include "server/rpc/status_mapping.h"

#include "core/status.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "tests/support/rpc_error.h"

namespace claviger {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(StatusMappingTest, OkIsOkWithoutDetails) {
  const grpc::Status status = ToGrpcStatus(absl::OkStatus());
  EXPECT_TRUE(status.ok());
  EXPECT_THAT(status.error_details(), IsEmpty());
}

TEST(StatusMappingTest, EveryCodeIsGrpcsOfTheSameName) {
  for (int code = 1; code <= 16; ++code) {
    const grpc::Status status = ToGrpcStatus(
        ErrorBuilder(static_cast<absl::StatusCode>(code), Reason::kInternal).Build("words"));
    EXPECT_EQ(static_cast<int>(status.error_code()), code);
    EXPECT_EQ(status.error_message(), "words");
    google::rpc::Status details;
    ASSERT_TRUE(details.ParseFromString(status.error_details()));
    EXPECT_EQ(details.code(), code);
    EXPECT_EQ(details.message(), "words");
  }
}

TEST(StatusMappingTest, EveryReasonIsInErrorInfo) {
  for (int i = 0; i <= static_cast<int>(Reason::kInternal); ++i) {
    const auto reason = static_cast<Reason>(i);
    const RpcError error =
        ErrorOf(ToGrpcStatus(ErrorBuilder(absl::StatusCode::kAborted, reason).Build("x")));
    EXPECT_EQ(error.reason, ReasonName(reason));
    EXPECT_EQ(error.domain, "claviger");
  }
}

TEST(StatusMappingTest, AStatusThatIsNotOursSaysSo) {
  const RpcError error = ErrorOf(ToGrpcStatus(absl::InternalError("from elsewhere")));
  EXPECT_EQ(error.code, grpc::StatusCode::INTERNAL);
  EXPECT_EQ(error.reason, "UNKNOWN");
}

TEST(StatusMappingTest, FieldsAndResourceAreNamed) {
  const RpcError error =
      ErrorOf(ToGrpcStatus(ErrorBuilder(absl::StatusCode::kInvalidArgument, Reason::kFieldInvalid)
                               .Field("a[1]", "must be one")
                               .Field("b", "must be two")
                               .Resource("key", "0123")
                               .Build("x")));
  EXPECT_THAT(error.fields, ElementsAre(Pair("a[1]", "must be one"), Pair("b", "must be two")));
  EXPECT_EQ(error.resource_type, "key");
  EXPECT_EQ(error.resource_name, "0123");
  EXPECT_EQ(error.retry_delay, std::nullopt);
}

TEST(StatusMappingTest, WhatMayWorkLaterSaysWhen) {
  const auto delay_of = [](absl::StatusCode code, std::optional<absl::Duration> after) {
    ErrorBuilder error(code, Reason::kOverloaded);
    if (after.has_value()) error.RetryAfter(*after);
    return ErrorOf(ToGrpcStatus(error.Build("x"))).retry_delay;
  };
  EXPECT_EQ(delay_of(absl::StatusCode::kUnavailable, {}), absl::Seconds(1));
  EXPECT_EQ(delay_of(absl::StatusCode::kResourceExhausted, {}), absl::Seconds(1));
  EXPECT_EQ(delay_of(absl::StatusCode::kUnavailable, absl::Milliseconds(1250)),
            absl::Milliseconds(1250));
  EXPECT_EQ(delay_of(absl::StatusCode::kAborted, absl::Seconds(3)), absl::Seconds(3));
  EXPECT_EQ(delay_of(absl::StatusCode::kAborted, {}), std::nullopt);
}

}  // namespace
}  // namespace claviger
