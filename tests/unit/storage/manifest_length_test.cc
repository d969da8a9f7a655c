// A manifest that lost its end.
#include "storage/rocksdb/manifest_length.h"

#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/storage/full_records.h"
#include "tests/unit/storage/rocksdb_testing.h"

namespace claviger {
namespace {

using testing::HasSubstr;

namespace fs = std::filesystem;

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class ManifestLengthTest : public RocksDbStoreTesting {
 protected:
  // A closed store with rows in most families, all of them in tables.
  void MakeFullStore() {
    {
      const auto store = Open();
      ASSERT_NE(store, nullptr);
      ChangeSet all;
      all.put_keys = {FullKey()};
      all.put_projects = {FullProject()};
      all.put_request = FullRequest();
      KeyRecord imported = TestKey(5);
      imported.imported = ImportAlgorithm::kSha256;
      all.put_keys.push_back(imported);
      ASSERT_TRUE(CommitAndWait(*store, Giving(all)).ok());
    }
    // A start makes tables out of the log.
    ASSERT_NE(Open(), nullptr);
  }
  void ExpectWhole() {
    const auto store = Open();
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(store->applied_revision(), Revision{1});
    EXPECT_NE(store->FindKey(FullKey().id).value(), nullptr);
    EXPECT_NE(store->FindProject(FullProject().project_id).value(), nullptr);
    EXPECT_NE(store->FindRequest(FullRequest().id, clock_.Now()).value(), nullptr);
    EXPECT_TRUE(store->FindImported(TestKey(5).digest).value().has_value());
    EXPECT_EQ(store->VerifyAudit().value().revision, Revision{1});
  }
  std::string Manifest() const {
    std::string name = ReadAll(DbPath() + "/CURRENT");
    name.pop_back();
    return DbPath() + "/" + name;
  }
  std::string NotePath() const { return DbPath() + "/claviger-manifest"; }
};

TEST_F(ManifestLengthTest, AManifestThatEndsBetweenTwoOfItsRecordsIsFound) {
  MakeFullStore();
  const std::string manifest = Manifest();
  const std::string bytes = ReadAll(manifest);
  constexpr size_t kHeader = 7;
  int cuts = 0;
  for (size_t at = 0; at + kHeader <= bytes.size(); ++cuts) {
    fs::resize_file(manifest, at);
    const absl::Status status = OpenError();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << "at " << at << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(manifest));
    EXPECT_THAT(std::string(status.message()), HasSubstr("restore a backup"));
    std::ofstream(manifest, std::ios::binary | std::ios::trunc) << bytes;
    at += kHeader + static_cast<uint8_t>(bytes[at + 4]) +
          (size_t{static_cast<uint8_t>(bytes[at + 5])} << 8);
  }
  EXPECT_GT(cuts, 16) << "an edit for each family at least";
  ExpectWhole();
}

// As above, and not cut: zeros at the end are taken for a loss of power otherwise.
TEST_F(ManifestLengthTest, AManifestThatEndsInZerosIsFound) {
  MakeFullStore();
  const std::string manifest = Manifest();
  std::string bytes = ReadAll(manifest);
  const size_t from = bytes.size() / 512 * 512;
  ASSERT_GT(from, 0u);
  bytes.replace(from, bytes.size() - from, bytes.size() - from, '\0');
  std::ofstream(manifest, std::ios::binary | std::ios::trunc) << bytes;
  const absl::Status status = OpenError();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("is whole up to byte"));
}

TEST_F(ManifestLengthTest, AcceptingAnOlderStateDoesNotTakeHalfOfTheTables) {
  MakeFullStore();
  fs::resize_file(Manifest(), fs::file_size(Manifest()) - 1);
  options_.accept_older_state = true;
  EXPECT_THAT(std::string(OpenError().message()), HasSubstr("is whole up to byte"));
}

TEST_F(ManifestLengthTest, WhatIsWrittenBehindWhatWasNotedMayBeTorn) {
  MakeFullStore();
  std::ofstream(Manifest(), std::ios::binary | std::ios::app) << std::string(40, '\0');
  ExpectWhole();
}

TEST_F(ManifestLengthTest, ANoteThatIsGoneOrDamagedOrOfAnotherManifestSaysNothing) {
  MakeFullStore();
  const std::string older = ReadAll(NotePath());
  fs::remove(NotePath());
  ExpectWhole();
  std::ofstream(NotePath(), std::ios::trunc) << older;
  ExpectWhole();
  std::ofstream(NotePath(), std::ios::trunc) << "claviger-manifest 1\nMANIFEST-0000";
  ExpectWhole();
  std::string flipped = ReadAll(NotePath());
  flipped[flipped.find(" ", 25) + 1] = '9';
  std::ofstream(NotePath(), std::ios::trunc) << flipped;
  ExpectWhole();
}

}  // namespace
}  // namespace claviger
