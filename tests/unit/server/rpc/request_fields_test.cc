#include "server/rpc/request_fields.h"

#include <functional>

#include "core/status.h"
#include "core/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace claviger::field {
namespace {

using ::testing::ElementsAre;

// The fields that `read` finds wrong; empty when all is right.
std::vector<std::string> Wrong(const std::function<void(FieldErrors&)>& read) {
  FieldErrors errors;
  read(errors);
  std::vector<std::string> fields;
  for (const FieldViolation& violation : DetailsOf(errors.ToStatus()).fields) {
    fields.push_back(violation.field);
  }
  EXPECT_EQ(errors.ok(), fields.empty());
  return fields;
}

const std::vector<std::string> kRight;
const std::vector<std::string> kWrong = {"f"};

Strings Texts(std::initializer_list<const char*> texts) { return {texts.begin(), texts.end()}; }

TEST(ReadKeyIdTest, TakesSixteenBase62Characters) {
  FieldErrors errors;
  EXPECT_EQ(ReadKeyId("f", "00AZaz0123456789", errors).text(), "00AZaz0123456789");
  EXPECT_TRUE(errors.ok());
  for (const std::string& text : {std::string(), std::string(15, 'a'), std::string(17, 'a'),
                                  std::string("00AZaz012345678-"), std::string(16, '\0')}) {
    EXPECT_EQ(Wrong([&](FieldErrors& e) { ReadKeyId("f", text, e); }), kWrong) << text;
  }
}

TEST(ReadProjectIdTest, WhatIsMissingIsRequired) {
  FieldErrors errors;
  ReadProjectId("f", "", errors);
  EXPECT_EQ(DetailsOf(errors.ToStatus()).reason, Reason::kFieldRequired);
}

TEST(ReadProjectIdsTest, SortsAndNamesTheBadOnes) {
  FieldErrors errors;
  EXPECT_THAT(ReadProjectIds("f", Texts({"bb", "aa", "bb"}), errors), ElementsAre("aa", "bb"));
  EXPECT_THAT(Wrong([](FieldErrors& e) {
                ReadProjectIds("f", Texts({"aa", "B", ""}), e);
              }),
              ElementsAre("f[1]", "f[2]"));
  Strings many;
  for (int i = 0; i < 64; ++i) many.Add("p" + std::to_string(i));
  EXPECT_EQ(Wrong([&](FieldErrors& e) { ReadProjectIds("f", many, e); }), kRight);
  many.Add("one-more");
  EXPECT_EQ(Wrong([&](FieldErrors& e) { ReadProjectIds("f", many, e); }), kWrong);
}

TEST(ReadTextTest, RequiredTextIsNotEmpty) {
  EXPECT_EQ(Wrong([](FieldErrors& e) { ReadText("f", "", 3, e); }), kRight);
  EXPECT_EQ(Wrong([](FieldErrors& e) { ReadRequiredName("f", "", 3, e); }), kWrong);
  EXPECT_EQ(Wrong([](FieldErrors& e) { ReadRequiredName("f", "äöü", 3, e); }), kRight);
  EXPECT_EQ(Wrong([](FieldErrors& e) { ReadRequiredName("f", "äöüx", 3, e); }), kWrong);
}

TEST(ReadCidrsTest, KeepsTheirOrderAndDropsRepetitions) {
  FieldErrors errors;
  const std::vector<Cidr> cidrs =
      ReadCidrs("f", Texts({"10.0.0.0/8", "2001:db8::/32", "10.0.0.0/8", "10.0.0.1"}), errors);
  ASSERT_EQ(cidrs.size(), 3u);
  EXPECT_EQ(cidrs[0].ToString(), "10.0.0.0/8");
  EXPECT_EQ(cidrs[1].ToString(), "2001:db8::/32");
  EXPECT_EQ(cidrs[2].ToString(), "10.0.0.1/32");
  EXPECT_THAT(Wrong([](FieldErrors& e) {
                ReadCidrs("f", Texts({"10.0.0.0/8", "x", "10.1.1.1/8"}), e);
              }),
              ElementsAre("f[1]", "f[2]"));
}

TEST(ReadLabelsTest, AreBoundedInNumberKeyAndValue) {
  const auto wrong = [](std::initializer_list<std::pair<std::string, std::string>> labels) {
    google::protobuf::Map<std::string, std::string> map;
    for (const auto& [key, value] : labels) map[key] = value;
    return Wrong([&](FieldErrors& e) { ReadLabels("f", map, e); });
  };
  EXPECT_EQ(wrong({}), kRight);
  EXPECT_EQ(wrong({{std::string(63, 'a'), std::string(128, 'v')}}), kRight);
  EXPECT_EQ(wrong({{std::string(64, 'a'), ""}}), kWrong);
  EXPECT_EQ(wrong({{"a", std::string(129, 'v')}}), kWrong);
  EXPECT_EQ(wrong({{"", ""}}), kWrong);
  google::protobuf::Map<std::string, std::string> many;
  for (size_t i = 0; i <= kMaxLabels; ++i) many["l" + std::to_string(i)] = "";
  EXPECT_EQ(Wrong([&](FieldErrors& e) { ReadLabels("f", many, e); }), kWrong);
}

TEST(ReadMetadataTest, NothingInItIsNothing) {
  FieldErrors errors;
  EXPECT_EQ(ReadMetadata("f", {}, errors), "");
  google::protobuf::Struct one;
  (*one.mutable_fields())["k"].set_bool_value(true);
  google::protobuf::Struct read;
  ASSERT_TRUE(read.ParseFromString(ReadMetadata("f", one, errors)));
  EXPECT_TRUE(read.fields().at("k").bool_value());
}

struct TimeCase {
  int64_t seconds;
  int32_t nanos;
  bool right;
};

TEST(ReadTimeTest, TakesWhatATimestampMayBe) {
  for (const TimeCase& row :
       {TimeCase{0, 0, true}, TimeCase{-62'135'596'800, 0, true},
        TimeCase{-62'135'596'801, 999'999'999, false}, TimeCase{253'402'300'799, 999'999'999, true},
        TimeCase{253'402'300'800, 0, false}, TimeCase{0, -1, false},
        TimeCase{0, 1'000'000'000, false}, TimeCase{INT64_MAX, 0, false},
        TimeCase{INT64_MIN, INT32_MIN, false}}) {
    google::protobuf::Timestamp time;
    time.set_seconds(row.seconds);
    time.set_nanos(row.nanos);
    EXPECT_EQ(Wrong([&](FieldErrors& e) { ReadTime("f", time, e); }), row.right ? kRight : kWrong)
        << row.seconds << " " << row.nanos;
  }
  google::protobuf::Timestamp time;
  time.set_seconds(-1);
  time.set_nanos(500'000'000);
  FieldErrors errors;
  EXPECT_EQ(ReadTime("f", time, errors), absl::UnixEpoch() - absl::Milliseconds(500));
}

TEST(ReadDurationTest, TakesWhatADurationMayBe) {
  for (const TimeCase& row :
       {TimeCase{0, 0, true}, TimeCase{315'576'000'000, 0, true},
        TimeCase{315'576'000'001, 0, false}, TimeCase{-315'576'000'000, 0, true},
        TimeCase{-315'576'000'001, 0, false}, TimeCase{1, -1, false}, TimeCase{-1, 1, false},
        TimeCase{-1, -999'999'999, true}, TimeCase{0, -1, true}, TimeCase{0, 1'000'000'000, false},
        TimeCase{0, -1'000'000'000, false}, TimeCase{INT64_MIN, 0, false}}) {
    google::protobuf::Duration duration;
    duration.set_seconds(row.seconds);
    duration.set_nanos(row.nanos);
    EXPECT_EQ(Wrong([&](FieldErrors& e) { ReadDuration("f", duration, e); }),
              row.right ? kRight : kWrong)
        << row.seconds << " " << row.nanos;
  }
}

TEST(ReadEnumsTest, TakeWhatTheyKnow) {
  FieldErrors errors;
  EXPECT_EQ(ReadEnvironment("f", v1::ENVIRONMENT_UNSPECIFIED, errors), std::nullopt);
  EXPECT_EQ(ReadEnvironment("f", v1::ENVIRONMENT_TEST, errors), Environment::kTest);
  EXPECT_EQ(ReadRevokeReason("f", v1::REVOKE_REASON_OTHER, errors), RevokeReason::kOther);
  CheckPropagation("f", v1::PROPAGATION_MODE_COMMIT, errors);
  EXPECT_TRUE(errors.ok());
  for (const int unknown : {-1, 100, INT32_MAX}) {
    EXPECT_EQ(Wrong([&](FieldErrors& e) {
                ReadEnvironment("f", static_cast<v1::Environment>(unknown), e);
              }),
              kWrong);
    EXPECT_EQ(Wrong([&](FieldErrors& e) {
                ReadRevokeReason("f", static_cast<v1::RevokeReason>(unknown), e);
              }),
              kWrong);
    EXPECT_EQ(Wrong([&](FieldErrors& e) {
                CheckPropagation("f", static_cast<v1::PropagationMode>(unknown), e);
              }),
              kWrong);
  }
}

TEST(ReadUuidTest, TakesThirtySixCharactersInAnyCase) {
  FieldErrors errors;
  EXPECT_EQ(ReadUuid("f", "", errors), std::nullopt);
  EXPECT_EQ(ReadUuid("f", "123E4567-e89b-42D3-a456-426614174000", errors),
            "123e4567-e89b-42d3-a456-426614174000");
  EXPECT_TRUE(errors.ok());
  for (const std::string text :
       {"x", "123e4567-e89b-42d3-a456-42661417400", "123e4567-e89b-42d3-a456-4266141740000",
        "123e4567ee89b-42d3-a456-426614174000", "123e4567-e89b-42d3-a456-42661417400g",
        "{23e4567-e89b-42d3-a456-42661417400}", "--------------------------------------"}) {
    EXPECT_EQ(Wrong([&](FieldErrors& e) { ReadUuid("f", text, e); }), kWrong) << text;
  }
}

TEST(ReadPageSizeTest, HasADefaultAndACeiling) {
  FieldErrors errors;
  EXPECT_EQ(ReadPageSize("f", 0, errors), 50u);
  EXPECT_EQ(ReadPageSize("f", 1, errors), 1u);
  EXPECT_EQ(ReadPageSize("f", 1000, errors), 1000u);
  EXPECT_EQ(ReadPageSize("f", 1001, errors), 1000u);
  EXPECT_EQ(ReadPageSize("f", INT32_MAX, errors), 1000u);
  EXPECT_TRUE(errors.ok());
  EXPECT_EQ(Wrong([](FieldErrors& e) { ReadPageSize("f", -1, e); }), kWrong);
}

}  // namespace
}  // namespace claviger::field
