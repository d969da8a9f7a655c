#include "storage/rocksdb/schema.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/store_testing.h"

namespace claviger {
namespace {

TEST(SchemaTest, RowsAreAsDocumented) {
  EXPECT_EQ(EncodeU32(0x01020304), std::string("\x01\x02\x03\x04"));
  EXPECT_EQ(RevisionRow(Revision{0x0102}), std::string("\0\0\0\0\0\0\x01\x02", 8));
  EXPECT_EQ(ByExpiryRow(absl::FromUnixNanos(1), TestKeyId(5)),
            std::string("\x80\0\0\0\0\0\0\x01", 8).append("0000000000000005"));
  EXPECT_EQ(ByProjectRow("ab", {absl::FromUnixNanos(1), TestKeyId(5)}),
            std::string("ab\0\x7f\xff\xff\xff\xff\xff\xff\xfe", 11).append("0000000000000005"));
}

TEST(SchemaTest, RevisionRowsOrderAsRevisions) {
  const uint64_t values[] = {0, 1, 255, 256, 65535, 1ull << 40, ~0ull};
  for (size_t i = 0; i + 1 < std::size(values); ++i) {
    EXPECT_LT(RevisionRow({values[i]}), RevisionRow({values[i + 1]}));
    EXPECT_EQ(ParseRevisionRow(RevisionRow({values[i]})), Revision{values[i]});
  }
  EXPECT_EQ(ParseRevisionRow("short"), std::nullopt);
  EXPECT_EQ(ParseRevisionRow("far too long"), std::nullopt);
}

TEST(SchemaTest, LaterKeysOfAProjectComeFirst) {
  const absl::Time times[] = {absl::FromUnixNanos(-5), absl::UnixEpoch(), absl::FromUnixNanos(1),
                              absl::FromUnixSeconds(4000000000)};
  for (size_t i = 0; i + 1 < std::size(times); ++i) {
    EXPECT_GT(ByProjectRow("a", {times[i], TestKeyId(1)}),
              ByProjectRow("a", {times[i + 1], TestKeyId(2)}));
    EXPECT_LT(ByExpiryRow(times[i], TestKeyId(2)), ByExpiryRow(times[i + 1], TestKeyId(1)));
  }
}

TEST(SchemaTest, ProjectRowsLieWithinTheirBounds) {
  for (const char* project : {"a", "a-b", "ab", "zz"}) {
    const std::string row = ByProjectRow(project, {absl::InfinitePast(), TestKeyId(1)});
    EXPECT_GE(row, ProjectRowsBegin(project));
    EXPECT_LT(row, ProjectRowsEnd(project));
    for (const char* other : {"a", "a-b", "ab", "zz"}) {
      if (std::string(project) == other) continue;
      EXPECT_FALSE(row >= ProjectRowsBegin(other) && row < ProjectRowsEnd(other))
          << project << " in " << other;
    }
  }
}

TEST(SchemaTest, ExpiryBoundIncludesItsOwnMoment) {
  const absl::Time now = absl::FromUnixNanos(1000);
  EXPECT_LT(ByExpiryRow(now, TestKeyId(1)), ByExpiryRowsEnd(now));
  EXPECT_GE(ByExpiryRow(now + absl::Nanoseconds(1), TestKeyId(1)), ByExpiryRowsEnd(now));
}

TEST(SchemaTest, KeyIdIsReadFromTheEndOfARow) {
  EXPECT_EQ(KeyIdOfRow(ByProjectRow("a", {absl::UnixEpoch(), TestKeyId(77)})), TestKeyId(77));
  EXPECT_EQ(KeyIdOfRow(ByExpiryRow(absl::UnixEpoch(), TestKeyId(77))), TestKeyId(77));
  EXPECT_EQ(KeyIdOfRow("short"), std::nullopt);
}

}  // namespace
}  // namespace claviger
