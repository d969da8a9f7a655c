#include "client/cli/error_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cli/exit_code.h"
#include "tests/unit/cli/rich_status.h"

namespace claviger::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kServer[] = "127.0.0.1:7420";

TEST(DescribeErrorTest, MessageReasonAndEachFieldOnALine) {
  const grpc::Status status =
      RichStatus(grpc::StatusCode::INVALID_ARGUMENT, "2 fields are wrong", "FIELD_INVALID",
                 {{"scopes[2]", "must be a scope"}, {"owner", "must be at most 128 characters"}});
  EXPECT_EQ(DescribeError(status, kServer),
            "claviger: 2 fields are wrong (FIELD_INVALID)\n"
            "  scopes[2]: must be a scope\n"
            "  owner: must be at most 128 characters\n");
}

TEST(DescribeErrorTest, DoesNotSayTheSameTwice) {
  const grpc::Status status =
      RichStatus(grpc::StatusCode::INVALID_ARGUMENT, "owner: must be at most 128 characters",
                 "FIELD_INVALID", {{"owner", "must be at most 128 characters"}});
  EXPECT_EQ(DescribeError(status, kServer),
            "claviger: owner: must be at most 128 characters (FIELD_INVALID)\n");
}

TEST(DescribeErrorTest, NamesFlagsInThePlaceOfFields) {
  const std::string what = "must be before end_time; end_times and a.end_time are something else";
  const grpc::Status status = RichStatus(grpc::StatusCode::INVALID_ARGUMENT, "start_time: " + what,
                                         "FIELD_INVALID", {{"start_time", what}});
  EXPECT_EQ(
      DescribeError(status, kServer, {{"start_time", "--since"}, {"end_time", "--until"}}),
      "claviger: --since: must be before --until; end_times and a.end_time are something else "
      "(FIELD_INVALID)\n");
}

TEST(DescribeErrorTest, SaysWhenToTryAgain) {
  const grpc::Status status =
      RichStatus(grpc::StatusCode::UNAVAILABLE, "busy", "OVERLOADED", {}, /*retry_seconds=*/2);
  EXPECT_EQ(DescribeError(status, kServer), "claviger: busy (OVERLOADED)\n  try again in 2 s\n");
}

TEST(DescribeErrorTest, UnreachableNamesTheServer) {
  const grpc::Status status(grpc::StatusCode::UNAVAILABLE, "Connection refused");
  EXPECT_EQ(DescribeError(status, kServer),
            "claviger: cannot reach the server at 127.0.0.1:7420\n  Connection refused\n");
}

TEST(DescribeErrorTest, NoAnswerInTimeNamesTheOption) {
  const grpc::Status status(grpc::StatusCode::DEADLINE_EXCEEDED, "Deadline Exceeded");
  EXPECT_THAT(DescribeError(status, kServer), HasSubstr("--timeout"));
}

TEST(DescribeErrorTest, NothingFromTheServerReachesTheTerminalRaw) {
  const grpc::Status status =
      RichStatus(grpc::StatusCode::NOT_FOUND, "no \x1b[2J key", "\x1b]0;x\x07", {{"a\nb", "\x07"}});
  const std::string text = DescribeError(status, kServer);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\x07")));
  EXPECT_THAT(text, HasSubstr("a\\x0ab: \\x07"));
}

TEST(DescribeErrorTest, GarbageInDetailsIsNoDetails) {
  const grpc::Status status(grpc::StatusCode::NOT_FOUND, "no such key", "\xff\xff garbage");
  EXPECT_EQ(DescribeError(status, kServer), "claviger: no such key (NOT_FOUND)\n");
  EXPECT_EQ(ReasonOf(status), "");
}

TEST(ReasonOfTest, IsTheErrorInfo) {
  EXPECT_EQ(ReasonOf(RichStatus(grpc::StatusCode::NOT_FOUND, "no", "KEY_NOT_FOUND")),
            "KEY_NOT_FOUND");
}

TEST(ExitCodeTest, FollowsTheStatusOfACall) {
  const struct {
    grpc::StatusCode code;
    ExitCode want;
  } cases[] = {{grpc::StatusCode::OK, ExitCode::kOk},
               {grpc::StatusCode::INVALID_ARGUMENT, ExitCode::kUsage},
               {grpc::StatusCode::UNAVAILABLE, ExitCode::kUnreachable},
               {grpc::StatusCode::DEADLINE_EXCEEDED, ExitCode::kUnreachable},
               {grpc::StatusCode::NOT_FOUND, ExitCode::kDenied},
               {grpc::StatusCode::ALREADY_EXISTS, ExitCode::kDenied},
               {grpc::StatusCode::UNAUTHENTICATED, ExitCode::kDenied},
               {grpc::StatusCode::PERMISSION_DENIED, ExitCode::kDenied},
               {grpc::StatusCode::FAILED_PRECONDITION, ExitCode::kDenied},
               {grpc::StatusCode::ABORTED, ExitCode::kDenied},
               {grpc::StatusCode::RESOURCE_EXHAUSTED, ExitCode::kDenied},
               {grpc::StatusCode::UNIMPLEMENTED, ExitCode::kDenied},
               {grpc::StatusCode::INTERNAL, ExitCode::kDenied}};
  for (const auto& c : cases) EXPECT_EQ(ExitCodeFor(grpc::Status(c.code, "")), c.want) << c.code;
}

TEST(ExitCodeTest, LocalMistakesAreUsage) {
  EXPECT_EQ(ExitCodeFor(absl::InvalidArgumentError("")), ExitCode::kUsage);
  EXPECT_EQ(ExitCodeFor(absl::NotFoundError("")), ExitCode::kUsage);
  EXPECT_EQ(ExitCodeFor(absl::InternalError("")), ExitCode::kDenied);
}

TEST(ExitCodeTest, TheWorstOfSeveralIsReported) {
  EXPECT_EQ(Worse(ExitCode::kOk, ExitCode::kDenied), ExitCode::kDenied);
  EXPECT_EQ(Worse(ExitCode::kUnreachable, ExitCode::kDenied), ExitCode::kUnreachable);
  EXPECT_EQ(Worse(ExitCode::kOk, ExitCode::kPending), ExitCode::kPending);
  EXPECT_EQ(Worse(ExitCode::kPending, ExitCode::kDenied), ExitCode::kDenied);
}

}  // namespace
}  // namespace claviger::cli
