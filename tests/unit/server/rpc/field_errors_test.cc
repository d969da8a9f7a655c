#include "server/rpc/field_errors.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace claviger {
namespace {

using ::testing::ElementsAre;

TEST(FieldErrorsTest, NothingAddedIsOk) {
  FieldErrors errors;
  errors.Check(absl::OkStatus());
  EXPECT_EQ(errors.Take(absl::StatusOr<int>(7)), 7);
  EXPECT_TRUE(errors.ok());
  EXPECT_EQ(errors.ToStatus(), absl::OkStatus());
}

TEST(FieldErrorsTest, NamesAllThatIsWrongInTheirOrder) {
  FieldErrors errors;
  errors.Check(RequiredField("b", "must be given"));
  errors.Add("a[2]", "must be small");
  EXPECT_EQ(errors.Take(absl::StatusOr<int>(InvalidField("c", "must be 7"))), 0);
  EXPECT_FALSE(errors.ok());
  const absl::Status status = errors.ToStatus();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "b is required: must be given; a[2]: must be small; c: must be 7");
  const ErrorDetails details = DetailsOf(status);
  EXPECT_EQ(details.reason, Reason::kFieldRequired);
  EXPECT_THAT(details.fields, ElementsAre(FieldViolation{"b", "must be given"},
                                          FieldViolation{"a[2]", "must be small"},
                                          FieldViolation{"c", "must be 7"}));
}

TEST(FieldErrorsTest, AnAnswerDoesNotGrowWithoutEnd) {
  FieldErrors errors;
  for (int i = 0; i < 1000; ++i) errors.Add("f", "must be good");
  EXPECT_EQ(DetailsOf(errors.ToStatus()).fields.size(), 32u);
}

}  // namespace
}  // namespace claviger
