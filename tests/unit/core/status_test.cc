#include "core/status.h"

#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace claviger {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ReasonNameTest, EveryReasonHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(Reason::kInternal); ++i) {
    const std::string_view name = ReasonName(static_cast<Reason>(i));
    EXPECT_THAT(std::string(name), ::testing::MatchesRegex("[A-Z]+(_[A-Z]+)*"));
    EXPECT_TRUE(names.insert(name).second) << name;
  }
}

TEST(ReasonNameTest, AValueThatIsNoReasonIsUnknown) {
  EXPECT_EQ(ReasonName(static_cast<Reason>(-1)), "UNKNOWN");
  EXPECT_EQ(ReasonName(static_cast<Reason>(1000)), "UNKNOWN");
}

TEST(ErrorBuilderTest, CarriesCodeAndMessage) {
  const absl::Status status =
      ErrorBuilder(absl::StatusCode::kAborted, Reason::kStaleRevision).Build("stale");
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(status.message(), "stale");
}

TEST(ErrorBuilderTest, EveryReasonComesBack) {
  for (int i = 0; i <= static_cast<int>(Reason::kInternal); ++i) {
    const auto reason = static_cast<Reason>(i);
    const absl::Status status = ErrorBuilder(absl::StatusCode::kInternal, reason).Build("x");
    EXPECT_EQ(DetailsOf(status).reason, reason) << ReasonName(reason);
  }
}

TEST(ErrorBuilderTest, FieldsKeepOrderAndRepetition) {
  const absl::Status status =
      ErrorBuilder(absl::StatusCode::kInvalidArgument, Reason::kFieldInvalid)
          .Field("b", "second letter")
          .Field("a", "first letter")
          .Field("b", "second letter")
          .Build("fields");
  EXPECT_THAT(DetailsOf(status).fields,
              ElementsAre(FieldViolation{"b", "second letter"}, FieldViolation{"a", "first letter"},
                          FieldViolation{"b", "second letter"}));
}

TEST(ErrorBuilderTest, TextOfAnyBytesComesBack) {
  const std::string odd("7:\0\n\xFF:9", 7);
  const absl::Status status =
      ErrorBuilder(absl::StatusCode::kInvalidArgument, Reason::kFieldInvalid)
          .Field(odd, "")
          .Field("", odd)
          .Resource(odd, odd)
          .Build("odd");
  const ErrorDetails details = DetailsOf(status);
  EXPECT_THAT(details.fields, ElementsAre(FieldViolation{odd, ""}, FieldViolation{"", odd}));
  EXPECT_EQ(details.resource, (ResourceName{odd, odd}));
}

TEST(ErrorBuilderTest, RetryAfterComesBackToTheNanosecond) {
  for (const absl::Duration delay : {absl::ZeroDuration(), absl::Nanoseconds(1), absl::Hours(30)}) {
    const absl::Status status = ErrorBuilder(absl::StatusCode::kUnavailable, Reason::kOverloaded)
                                    .RetryAfter(delay)
                                    .Build("x");
    EXPECT_EQ(DetailsOf(status).retry_after, delay);
  }
}

TEST(DetailsOfTest, AStatusWithoutDetailsHasNone) {
  for (const absl::Status& status : {absl::OkStatus(), absl::NotFoundError("elsewhere")}) {
    const ErrorDetails details = DetailsOf(status);
    EXPECT_EQ(details.reason, Reason::kUnknown);
    EXPECT_THAT(details.fields, IsEmpty());
    EXPECT_EQ(details.resource, std::nullopt);
    EXPECT_EQ(details.retry_after, std::nullopt);
  }
}

TEST(InvalidFieldTest, NamesTheFieldAndWhatIsAccepted) {
  const absl::Status status = InvalidField("scopes[2]", "must be a scope");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "scopes[2]: must be a scope");
  EXPECT_EQ(DetailsOf(status).reason, Reason::kFieldInvalid);
  EXPECT_THAT(DetailsOf(status).fields,
              ElementsAre(FieldViolation{"scopes[2]", "must be a scope"}));
}

TEST(RequiredFieldTest, NamesTheFieldAndWhatIsAccepted) {
  const absl::Status status = RequiredField("display_name", "1 to 128 characters");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(DetailsOf(status).reason, Reason::kFieldRequired);
  EXPECT_THAT(DetailsOf(status).fields,
              ElementsAre(FieldViolation{"display_name", "1 to 128 characters"}));
}

}  // namespace
}  // namespace claviger
