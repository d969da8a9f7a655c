#include "storage/rocksdb/ballast.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace claviger {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

class BallastTest : public testing::Test {
 protected:
  // Of the blocks that the file really has; 0: no file.
  uint64_t BytesOnDisk() const {
    struct stat info {};
    return stat(path_.c_str(), &info) == 0 ? static_cast<uint64_t>(info.st_blocks) * 512 : 0;
  }

  TempDir dir_;
  const std::string path_ = dir_.Join("ballast");
};

TEST_F(BallastTest, HasRealBlocksAndGivesThemBackBitByBit) {
  Ballast ballast(path_, 8 * kMiB);
  EXPECT_EQ(ballast.bytes(), 0);
  ASSERT_EQ(ballast.Fill(), absl::OkStatus());
  EXPECT_GE(BytesOnDisk(), 8 * kMiB);
  EXPECT_EQ(ballast.GiveBack(1), kMiB);
  EXPECT_EQ(ballast.GiveBack(2 * kMiB), 2 * kMiB);
  EXPECT_EQ(ballast.bytes(), 5 * kMiB);
  EXPECT_LE(BytesOnDisk(), 5 * kMiB + 8192);
  EXPECT_EQ(ballast.GiveBack(100 * kMiB), 5 * kMiB);
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_EQ(ballast.GiveBack(1), 0);
}

TEST_F(BallastTest, WhatIsLeftIsTakenOverByTheNextProcessAndMadeWhole) {
  {
    Ballast ballast(path_, 8 * kMiB);
    ASSERT_EQ(ballast.Fill(), absl::OkStatus());
    ballast.GiveBack(3 * kMiB);
  }
  Ballast ballast(path_, 8 * kMiB);
  EXPECT_EQ(ballast.bytes(), 5 * kMiB);
  ASSERT_EQ(ballast.Fill(), absl::OkStatus());
  EXPECT_GE(BytesOnDisk(), 8 * kMiB);
}

TEST_F(BallastTest, HolesOfACopiedFileDoNotCountAndAreFilled) {
  std::ofstream(path_).close();
  std::filesystem::resize_file(path_, 8 * kMiB);
  Ballast ballast(path_, 8 * kMiB);
  EXPECT_LT(ballast.bytes(), kMiB);
  ASSERT_EQ(ballast.Fill(), absl::OkStatus());
  EXPECT_GE(BytesOnDisk(), 8 * kMiB);
}

TEST_F(BallastTest, ASmallerSettingCutsItAndZeroRemovesIt) {
  ASSERT_EQ(Ballast(path_, 8 * kMiB).Fill(), absl::OkStatus());
  EXPECT_EQ(Ballast(path_, 2 * kMiB).bytes(), 2 * kMiB);
  EXPECT_EQ(std::filesystem::file_size(path_), 2 * kMiB);
  EXPECT_EQ(Ballast(path_, 0).bytes(), 0);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(BallastTest, OneThatDoesNotFitIsRefusedByNameAndTakesNothing) {
  Ballast ballast(path_, uint64_t{1} << 45);
  const absl::Status filled = ballast.Fill();
  EXPECT_TRUE(absl::IsUnavailable(filled)) << filled;
  EXPECT_NE(filled.message().find(path_), absl::string_view::npos) << filled;
  EXPECT_EQ(ballast.bytes(), 0);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace claviger
