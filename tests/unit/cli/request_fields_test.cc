#include "client/cli/request_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cli/enum_text.h"
#include "tests/support/fake_random.h"
#include "tests/unit/cli/temp_dir.h"

#include <claviger/v1/key.pb.h>

namespace claviger::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::MatchesRegex;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

TEST(FillLabelsTest, SplitsAtTheFirstEqualsSign) {
  google::protobuf::Map<std::string, std::string> labels;
  ASSERT_TRUE(FillLabels("--label", {"team=payments", "expr=a=b", "empty="}, labels).ok());
  EXPECT_THAT(labels, UnorderedElementsAre(Pair("team", "payments"), Pair("expr", "a=b"),
                                           Pair("empty", "")));
}

TEST(FillMetadataTest, ReadsAnObjectFromTheArgumentOrAFile) {
  const TempDir dir;
  for (const std::string& text :
       {std::string(R"({"plan":"pro"})"), "@" + dir.Write("metadata.json", R"({"plan":"pro"})")}) {
    google::protobuf::Struct metadata;
    ASSERT_TRUE(FillMetadata("--metadata", text, metadata).ok()) << text;
    EXPECT_EQ(metadata.fields().at("plan").string_value(), "pro");
  }
}

TEST(FillMetadataTest, RefusesWhatIsNoObject) {
  for (const char* text : {"", "[1]", "\"a\"", "{\"a\":", "plan=pro"}) {
    google::protobuf::Struct metadata;
    EXPECT_EQ(FillMetadata("--metadata", text, metadata).code(), absl::StatusCode::kInvalidArgument)
        << text;
  }
}

TEST(NewRequestIdTest, IsAUuidOfVersion4) {
  FakeRandom random;
  const std::string first = *NewRequestId(random);
  EXPECT_THAT(first,
              MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_NE(*NewRequestId(random), first);
}

TEST(NewRequestIdTest, NoEntropyIsAnError) {
  FakeRandom random;
  random.FailWith(absl::UnavailableError("no entropy"));
  EXPECT_FALSE(NewRequestId(random).ok());
}

TEST(EnumTextTest, ChoicesAndLabelsComeFromTheApi) {
  EXPECT_THAT(EnumChoices<v1::RevokeReason>(),
              ElementsAre("compromised", "superseded", "owner-left", "unused", "policy", "other"));
  EXPECT_EQ(EnumFromChoice<v1::RevokeReason>("owner-left"), v1::REVOKE_REASON_OWNER_LEFT);
  EXPECT_EQ(EnumFromChoice<v1::RevokeReason>("bored"), v1::REVOKE_REASON_UNSPECIFIED);
  EXPECT_EQ(EnumLabel(v1::REVOKE_REASON_OWNER_LEFT), "OWNER_LEFT");
  EXPECT_EQ(EnumLabel(static_cast<v1::KeyState>(99)), "99");
}

}  // namespace
}  // namespace claviger::cli
