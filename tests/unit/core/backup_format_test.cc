#include "core/backup_format.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_replace.h"
#include "core/backup_decoder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace claviger {
namespace {

using testing::HasSubstr;

constexpr std::string_view kContents[] = {"MANIFEST-000004\n", "", "rows of a table"};

BackupHeader TestHeader() {
  BackupHeader header;
  header.claviger_version = "1.2.3";
  header.create_time = absl::FromUnixNanos(1'700'000'000'000'000'001);
  header.epoch.bytes[3] = 0xab;
  header.head = {Revision{42}, {}};
  header.head.hash[0] = 7;
  header.schema_version = 1;
  header.keys = 3;
  header.peppers = {{"p1", 2}, {"p2", 1}};
  header.files = {{"000012.sst", kContents[0].size()},
                  {"000013.log", kContents[1].size()},
                  {"CURRENT", kContents[2].size()}};
  return header;
}

std::string Encode(const BackupHeader& header) {
  BackupEncoder encoder;
  std::string backup = encoder.Begin(header);
  for (const std::string_view content : kContents) {
    encoder.Add(content);
    backup += content;
    backup += encoder.EndFile();
  }
  return backup + encoder.End();
}

// Keeps what it gets.
class Kept : public BackupSink {
 public:
  absl::Status OnHeader(const BackupHeader& header) override {
    header_ = header;
    return absl::OkStatus();
  }
  absl::Status OnFile(const BackupFile& file) override {
    files_.emplace_back(file.name, "");
    return absl::OkStatus();
  }
  absl::Status OnBytes(std::string_view bytes) override {
    files_.back().second += bytes;
    return absl::OkStatus();
  }
  absl::Status OnFileEnd() override {
    ++ends_;
    return absl::OkStatus();
  }

  BackupHeader header_;
  std::vector<std::pair<std::string, std::string>> files_;
  int ends_ = 0;
};

absl::Status Decode(std::string_view backup) {
  BackupDecoder decoder;
  if (absl::Status s = decoder.Add(backup); !s.ok()) return s;
  return decoder.Finish();
}

TEST(BackupFormatTest, WhatWasWrittenIsReadInPiecesOfAnySize) {
  const BackupHeader header = TestHeader();
  const std::string backup = Encode(header);
  EXPECT_EQ(backup.size(), header.TotalBytes());
  for (size_t piece = 1; piece <= backup.size(); ++piece) {
    Kept kept;
    BackupDecoder decoder(&kept);
    for (size_t at = 0; at < backup.size(); at += piece) {
      ASSERT_TRUE(decoder.Add(std::string_view(backup).substr(at, piece)).ok()) << piece;
    }
    ASSERT_TRUE(decoder.Finish().ok()) << piece;
    EXPECT_EQ(decoder.taken(), backup.size());
    EXPECT_EQ(kept.header_, header);
    EXPECT_EQ(kept.ends_, 3);
    ASSERT_EQ(kept.files_.size(), 3u);
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(kept.files_[i].first, header.files[i].name);
      EXPECT_EQ(kept.files_[i].second, kContents[i]);
    }
  }
}

TEST(BackupFormatTest, ACutBackupIsRefusedWhereverItIsCut) {
  const std::string backup = Encode(TestHeader());
  for (size_t size = 0; size < backup.size(); ++size) {
    EXPECT_FALSE(Decode(std::string_view(backup).substr(0, size)).ok()) << size;
  }
}

TEST(BackupFormatTest, AnAlteredBackupIsRefusedWhicheverByteItIs) {
  const std::string backup = Encode(TestHeader());
  for (size_t at = 0; at < backup.size(); ++at) {
    std::string altered = backup;
    altered[at] ^= 1;
    EXPECT_FALSE(Decode(altered).ok()) << at;
  }
}

TEST(BackupFormatTest, NothingMayStandBehindTheEnd) {
  const absl::Status status = Decode(Encode(TestHeader()) + "x");
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("behind its end"));
}

TEST(BackupFormatTest, NamesThatAreNoFilesOfADatabaseAreRefused) {
  for (const std::string_view name :
       {"CURRENT", "MANIFEST-000004", "OPTIONS-000007", "000012.sst", "000013.log"}) {
    EXPECT_TRUE(IsBackupFileName(name)) << name;
  }
  for (const std::string_view name :
       {"", ".", "..", "../1.sst", "/1.sst", "a/1.sst", ".sst", "MANIFEST-", "MANIFEST-../x",
        "OPTIONS-1/2", "LOCK", "IDENTITY", "1.sst ", "current", "111111111111111111111.sst"}) {
    EXPECT_FALSE(IsBackupFileName(name)) << name;
    BackupHeader header = TestHeader();
    header.files = {{std::string(name), 1}};
    EXPECT_FALSE(ParseBackupHeader(RenderBackupHeader(header)).ok()) << name;
  }
}

TEST(BackupFormatTest, HugeSizesAreRefused) {
  BackupHeader header = TestHeader();
  header.files[0].bytes = kMaxBackupFileBytes;
  EXPECT_TRUE(ParseBackupHeader(RenderBackupHeader(header)).ok());
  header.files[0].bytes = kMaxBackupFileBytes + 1;
  EXPECT_FALSE(ParseBackupHeader(RenderBackupHeader(header)).ok());
  header.files[0].bytes = ~uint64_t{0};
  EXPECT_FALSE(ParseBackupHeader(RenderBackupHeader(header)).ok());
}

TEST(BackupFormatTest, AHeaderWithoutAnEndIsRefusedAtItsBound) {
  const std::string endless = std::string(kBackupBegin) + std::string(kMaxBackupHeaderBytes, 'x');
  const absl::Status status = Decode(endless);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("header does not end"));
}

TEST(BackupFormatTest, AFileNamedTwiceOrOutOfOrderIsRefused) {
  BackupHeader header = TestHeader();
  header.files[1] = header.files[0];
  EXPECT_FALSE(ParseBackupHeader(RenderBackupHeader(header)).ok());
  header = TestHeader();
  std::swap(header.files[0], header.files[1]);
  EXPECT_FALSE(ParseBackupHeader(RenderBackupHeader(header)).ok());
}

TEST(BackupFormatTest, ATimeThatNeverComesIsRefused) {
  BackupHeader header = TestHeader();
  header.create_time = absl::InfiniteFuture();
  EXPECT_FALSE(ParseBackupHeader(RenderBackupHeader(header)).ok());
}

TEST(BackupFormatTest, ANewerFormAndAnotherFileAreToldApart) {
  EXPECT_EQ(Decode("PK\x03\x04").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Decode("").code(), absl::StatusCode::kInvalidArgument);
  const std::string newer =
      absl::StrReplaceAll(Encode(TestHeader()), {{"claviger-backup 1\n", "claviger-backup 2\n"}});
  EXPECT_EQ(Decode(newer).code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace claviger
