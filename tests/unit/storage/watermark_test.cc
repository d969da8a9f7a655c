#include "storage/rocksdb/watermark.h"

#include <sys/stat.h>

#include <fstream>
#include <limits>
#include <sstream>

#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace claviger {
namespace {

Watermark Mark(uint64_t revision) {
  Watermark mark{.epoch = {}, .revision = Revision{revision}};
  mark.epoch.bytes.fill(0xa5);
  return mark;
}

std::string FileText(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class WatermarkTest : public testing::Test {
 protected:
  TempDir dir_;
  const std::string path_ = dir_.Join("watermark");
};

TEST_F(WatermarkTest, TextIsAsDocumented) {
  EXPECT_THAT(RenderWatermark(Mark(42)),
              testing::MatchesRegex("claviger-watermark 1\nepoch (a5){16}\nrevision 42\n"
                                    "crc32 [0-9a-f]{8}\n"));
}

TEST_F(WatermarkTest, TextComesBackAsItWas) {
  for (uint64_t revision : {uint64_t{0}, uint64_t{42}, std::numeric_limits<uint64_t>::max()}) {
    EXPECT_EQ(ParseWatermark(RenderWatermark(Mark(revision))), Mark(revision));
  }
}

TEST_F(WatermarkTest, EveryFlippedBitAndEveryCutIsFound) {
  const std::string text = RenderWatermark(Mark(42));
  for (size_t i = 0; i < text.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = text;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
      EXPECT_EQ(ParseWatermark(flipped), std::nullopt) << "byte " << i << ", bit " << bit;
    }
    EXPECT_EQ(ParseWatermark(text.substr(0, i)), std::nullopt) << "cut at " << i;
  }
  EXPECT_EQ(ParseWatermark(text + "\n"), std::nullopt);
}

TEST_F(WatermarkTest, FileComesBackAsItWas) {
  ASSERT_TRUE(WriteWatermark(path_, Mark(1)).ok());
  ASSERT_TRUE(WriteWatermark(path_, Mark(2)).ok());
  EXPECT_EQ(ReadWatermark(path_).value(), Mark(2));
}

TEST_F(WatermarkTest, MissingFileIsNoError) {
  EXPECT_EQ(ReadWatermark(path_).value(), std::nullopt);
}

TEST_F(WatermarkTest, DamagedFileIsDataLoss) {
  for (const std::string& text : {std::string(), std::string(10'000, 'x')}) {
    std::ofstream(path_) << text;
    EXPECT_EQ(ReadWatermark(path_).status().code(), absl::StatusCode::kDataLoss);
  }
}

TEST_F(WatermarkTest, FolderThatIsGoneIsAnErrorThatNamesTheFile) {
  const absl::Status status = WriteWatermark(dir_.Join("gone/watermark"), Mark(1));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("gone/watermark"));
}

TEST_F(WatermarkTest, KeeperHasWrittenTheLastRevisionWhenItIsClosed) {
  WatermarkKeeper keeper(path_, Mark(0), absl::Hours(1),
                         [](const absl::Status& status) { ADD_FAILURE() << status; });
  for (uint64_t revision = 1; revision <= 100; ++revision) keeper.Advance(Revision{revision});
  keeper.Close();
  EXPECT_EQ(ReadWatermark(path_).value(), Mark(100));
  keeper.Close();
}

TEST_F(WatermarkTest, KeeperThatHasNothingToSayLeavesTheFileAlone) {
  std::ofstream(path_) << "untouched";
  {
    WatermarkKeeper keeper(path_, Mark(5), absl::Milliseconds(1),
                           [](const absl::Status& status) { ADD_FAILURE() << status; });
  }
  EXPECT_EQ(FileText(path_), "untouched");
}

TEST_F(WatermarkTest, KeeperReportsAFailedWrite) {
  absl::Notification reported;
  WatermarkKeeper keeper(dir_.Join("gone/watermark"), Mark(0), absl::Milliseconds(1),
                         [&reported](const absl::Status& status) {
                           EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
                           reported.Notify();
                         });
  keeper.Advance(Revision{1});
  reported.WaitForNotification();
}

}  // namespace
}  // namespace claviger
