#include "core/revision.h"

#include "core/status.h"
#include "gtest/gtest.h"

namespace claviger {
namespace {

TEST(RevisionTest, StartsBeforeTheFirstChangeAndCountsUp) {
  EXPECT_EQ(Revision().value, 0U);
  EXPECT_EQ(Revision().Next(), Revision{1});
  EXPECT_LT(Revision{1}, Revision{2});
}

Epoch SomeEpoch() {
  Epoch epoch;
  for (size_t i = 0; i < epoch.bytes.size(); ++i) epoch.bytes[i] = static_cast<uint8_t>(17 * i);
  return epoch;
}

TEST(EpochTest, HexIs32LowerCaseDigits) {
  EXPECT_EQ(SomeEpoch().ToHex(), "00112233445566778899aabbccddeeff");
  EXPECT_EQ(Epoch().ToHex(), std::string(32, '0'));
}

TEST(EpochTest, BytesComeBack) {
  const absl::StatusOr<Epoch> epoch = Epoch::FromBytes(SomeEpoch().ToBytes());
  ASSERT_TRUE(epoch.ok()) << epoch.status();
  EXPECT_EQ(*epoch, SomeEpoch());
  EXPECT_NE(*epoch, Epoch());
}

TEST(EpochTest, AnyOtherLengthIsInvalid) {
  for (const size_t length : {0, 15, 17, 32}) {
    const absl::StatusOr<Epoch> epoch = Epoch::FromBytes(std::string(length, 'x'));
    EXPECT_EQ(epoch.status().code(), absl::StatusCode::kInvalidArgument) << length;
    EXPECT_EQ(DetailsOf(epoch.status()).reason, Reason::kFieldInvalid);
  }
}

}  // namespace
}  // namespace claviger
