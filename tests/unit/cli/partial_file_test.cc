#include "client/cli/partial_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "tests/unit/cli/temp_dir.h"

namespace claviger::cli {
namespace {

using ::testing::HasSubstr;

class PartialFileTest : public ::testing::Test {
 protected:
  absl::StatusOr<PartialFile> Create(bool overwrite = false) {
    return PartialFile::Create(path_, overwrite);
  }
  static std::string Read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static mode_t ModeOf(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
    return info.st_mode & 0777;
  }
  void ExpectFailure(const absl::StatusOr<PartialFile>& file, absl::StatusCode code,
                     const std::string& words) {
    EXPECT_EQ(file.status().code(), code) << file.status();
    EXPECT_THAT(file.status().ToString(), HasSubstr(words));
  }

  const TempDir dir_;
  const std::string path_ = dir_.Path("backup");
  const std::string partial_ = path_ + ".partial";
};

TEST_F(PartialFileTest, IsThereAsAWholeForItsOwnerAlone) {
  {
    auto file = Create();
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE(file->Write("first ").ok());
    ASSERT_TRUE(file->Write("second").ok());
    EXPECT_FALSE(std::filesystem::exists(path_));
    EXPECT_EQ(ModeOf(partial_), 0600u);
    ASSERT_TRUE(file->Finish().ok());
  }
  EXPECT_EQ(Read(path_), "first second");
  EXPECT_EQ(ModeOf(path_), 0600u);
  EXPECT_FALSE(std::filesystem::exists(partial_));
}

TEST_F(PartialFileTest, WithoutFinishNothingIsLeft) {
  {
    auto file = Create();
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->Write("half").ok());
    const PartialFile moved = *std::move(file);
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_FALSE(std::filesystem::exists(partial_));
}

TEST_F(PartialFileTest, AFileIsOverwrittenOnlyWhereThatWasAskedFor) {
  dir_.Write("backup", "old");
  ExpectFailure(Create(), absl::StatusCode::kAlreadyExists, "--force");
  EXPECT_EQ(Read(path_), "old");
  EXPECT_FALSE(std::filesystem::exists(partial_));
  auto file = Create(/*overwrite=*/true);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE(file->Write("new").ok());
  EXPECT_EQ(Read(path_), "old") << "until the new one is whole";
  ASSERT_TRUE(file->Finish().ok());
  EXPECT_EQ(Read(path_), "new");
}

TEST_F(PartialFileTest, AFileThatCameMeanwhileIsNotOverwritten) {
  auto file = Create();
  ASSERT_TRUE(file.ok());
  dir_.Write("backup", "another's");
  EXPECT_EQ(file->Finish().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Read(path_), "another's");
}

TEST_F(PartialFileTest, WhatAKilledProcessLeftIsReplaced) {
  dir_.Write("backup.partial", "the beginning of an old one, open to all", 0644);
  auto file = Create();
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(ModeOf(partial_), 0600u);
  ASSERT_TRUE(file->Write("new").ok());
  ASSERT_TRUE(file->Finish().ok());
  EXPECT_EQ(Read(path_), "new");
}

TEST_F(PartialFileTest, WhatAnotherProcessIsWritingIsLeftAlone) {
  auto first = Create();
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(first->Write("first").ok());
  ExpectFailure(Create(), absl::StatusCode::kUnavailable, "another process");
  ASSERT_TRUE(first->Finish().ok());
  EXPECT_EQ(Read(path_), "first");
}

TEST_F(PartialFileTest, NoLinkIsFollowed) {
  const std::string target = dir_.Write("precious", "precious");
  std::filesystem::create_symlink(target, partial_);
  ExpectFailure(Create(), absl::StatusCode::kFailedPrecondition, "remove it");
  std::filesystem::remove(partial_);
  std::filesystem::create_symlink(target, path_);
  ExpectFailure(Create(/*overwrite=*/true), absl::StatusCode::kFailedPrecondition, "not a file");
  EXPECT_EQ(Read(target), "precious");
}

TEST_F(PartialFileTest, AFolderThatIsNotThereIsNamed) {
  ExpectFailure(PartialFile::Create(dir_.Path("none/backup"), false), absl::StatusCode::kNotFound,
                "none/backup.partial");
}

}  // namespace
}  // namespace claviger::cli
