#include "server/config/pepper_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "core/digest.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/config/private_file.h"
#include "tests/support/fake_random.h"
#include "tests/support/temp_dir.h"

namespace claviger {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PepperFileTest : public ::testing::Test {
 protected:
  PepperSet Read() { return *PepperSet::Parse(*ReadPrivateFile(file_)); }

  TempDir dir_;
  FakeRandom random_;
  const std::string file_ = dir_.Join("pepper");
};

TEST_F(PepperFileTest, TheFileIsMadeAndTheNewestPepperIsTheFirst) {
  ASSERT_EQ(AddPepper(file_, "p1", random_), absl::OkStatus());
  const PepperSet before = Read();
  ASSERT_EQ(AddPepper(file_, "p2", random_), absl::OkStatus());
  const PepperSet after = Read();
  EXPECT_THAT(after.ids(), ElementsAre("p2", "p1"));
  EXPECT_TRUE(Equal(*after.Canary("p1"), *before.Canary("p1")));
  EXPECT_FALSE(Equal(*after.Canary("p2"), *after.Canary("p1")));
  struct stat info {};
  ASSERT_EQ(stat(file_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(PepperFileTest, CommentsStay) {
  const Secret line = *PepperSet::GenerateLine("p1", random_);
  dir_.Write("pepper", "# from the vault\n" + std::string(line.ExposeSecret()), 0600);
  ASSERT_EQ(AddPepper(file_, "p2", random_), absl::OkStatus());
  EXPECT_THAT(std::string(ReadPrivateFile(file_)->ExposeSecret()), HasSubstr("# from the vault\n"));
}

TEST_F(PepperFileTest, WhatIsNotAcceptedLeavesTheFileAsItWas) {
  ASSERT_EQ(AddPepper(file_, "p1", random_), absl::OkStatus());
  const std::string before(ReadPrivateFile(file_)->ExposeSecret());
  EXPECT_EQ(AddPepper(file_, "p1", random_).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(AddPepper(file_, "P 2", random_).code(), absl::StatusCode::kInvalidArgument);
  random_.FailWith(absl::UnavailableError("no entropy"));
  EXPECT_EQ(AddPepper(file_, "p2", random_).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReadPrivateFile(file_)->ExposeSecret(), before);
}

TEST_F(PepperFileTest, AFileThatIsNoPepperFileOrOpenToOthersIsLeftAlone) {
  dir_.Write("pepper", "p1:short\n", 0600);
  EXPECT_EQ(AddPepper(file_, "p2", random_).code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_EQ(chmod(file_.c_str(), 0644), 0);
  EXPECT_EQ(AddPepper(file_, "p2", random_).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(PepperFileTest, TheOwnerStaysTheSame) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  ASSERT_EQ(AddPepper(file_, "p1", random_), absl::OkStatus());
  ASSERT_EQ(chown(file_.c_str(), 4711, 4712), 0);
  ASSERT_EQ(AddPepper(file_, "p2", random_), absl::OkStatus());
  struct stat info {};
  ASSERT_EQ(stat(file_.c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 4711u);
  EXPECT_EQ(info.st_gid, 4712u);
}

}  // namespace
}  // namespace claviger
