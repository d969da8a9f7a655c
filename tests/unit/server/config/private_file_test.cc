#include "server/config/private_file.h"

#include <sys/stat.h>

#include <filesystem>
#include <iterator>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace claviger {
namespace {

using ::testing::HasSubstr;

size_t FilesIn(const std::filesystem::path& directory) {
  const std::filesystem::directory_iterator entries(directory);
  return static_cast<size_t>(std::distance(begin(entries), end(entries)));
}

TEST(PrivateFileTest, ReadsAFileThatOnlyItsOwnerMayRead) {
  TempDir dir;
  for (const unsigned mode : {0600u, 0400u}) {
    const auto bytes = ReadPrivateFile(dir.Write("file", std::string("a\0b", 3), mode));
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    EXPECT_EQ(bytes->ExposeSecret(), std::string("a\0b", 3));
    std::filesystem::remove(dir.Join("file"));
  }
}

TEST(PrivateFileTest, RefusesAFileThatOthersMayAccess) {
  TempDir dir;
  for (const unsigned mode : {0640u, 0604u, 0620u, 0610u, 0644u, 0666u}) {
    const auto bytes = ReadPrivateFile(dir.Write("file", "secret", mode));
    EXPECT_TRUE(absl::IsFailedPrecondition(bytes.status())) << mode;
    EXPECT_THAT(std::string(bytes.status().message()), HasSubstr("chmod 0600"));
  }
}

TEST(PrivateFileTest, TellsAMissingFileFromOneThatIsRefused) {
  TempDir dir;
  EXPECT_TRUE(absl::IsNotFound(ReadPrivateFile(dir.Join("none")).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(ReadPrivateFile(dir.path()).status()));
  const auto too_long = dir.Write("long", std::string(kMaxPrivateFileBytes + 1, 'x'));
  EXPECT_TRUE(absl::IsFailedPrecondition(ReadPrivateFile(too_long).status()));
}

TEST(PrivateFileTest, RefusesAPipeWithoutWaitingForItsWriter) {
  TempDir dir;
  const auto pipe = dir.Join("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_TRUE(absl::IsFailedPrecondition(ReadPrivateFile(pipe).status()));
}

TEST(PrivateFileTest, CreateMakesAFileThatReadTakes) {
  TempDir dir;
  ASSERT_TRUE(CreatePrivateFile(dir.Join("file"), "bytes").ok());
  const auto bytes = ReadPrivateFile(dir.Join("file"));
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  EXPECT_EQ(bytes->ExposeSecret(), "bytes");
  EXPECT_EQ(FilesIn(dir.path()), 1u);
}

TEST(PrivateFileTest, CreateLeavesWhatIsThere) {
  TempDir dir;
  const auto file = dir.Write("file", "first");
  EXPECT_TRUE(absl::IsAlreadyExists(CreatePrivateFile(file, "second")));
  EXPECT_EQ(ReadPrivateFile(file)->ExposeSecret(), "first");
  EXPECT_EQ(FilesIn(dir.path()), 1u);
}

TEST(PrivateFileTest, CreateDoesNotFollowALinkThatIsThere) {
  TempDir dir;
  std::filesystem::create_symlink(dir.Join("target"), dir.Join("file"));
  EXPECT_TRUE(absl::IsAlreadyExists(CreatePrivateFile(dir.Join("file"), "bytes")));
  EXPECT_FALSE(std::filesystem::exists(dir.Join("target")));
}

TEST(PrivateFileTest, ReplaceExchangesBytesAndMode) {
  TempDir dir;
  const auto file = dir.Write("file", "first", 0644);
  ASSERT_TRUE(ReplacePrivateFile(file, "second").ok());
  EXPECT_EQ(ReadPrivateFile(file)->ExposeSecret(), "second");
  EXPECT_EQ(FilesIn(dir.path()), 1u);
}

TEST(PrivateFileTest, WritingIntoAMissingDirectoryFails) {
  TempDir dir;
  EXPECT_TRUE(absl::IsNotFound(CreatePrivateFile(dir.Join("no/file"), "bytes")));
}

}  // namespace
}  // namespace claviger
