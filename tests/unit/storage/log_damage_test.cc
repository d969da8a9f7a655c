// Damage to its logs that keeps a store from opening.
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/storage/first_look_testing.h"

namespace claviger {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

namespace fs = std::filesystem;

class LogDamageTest : public FirstLookTesting {};

TEST_F(LogDamageTest, ALogBetweenOthersThatIsCutIsFound) {
  MakeStoreWithThreeLogs();
  const std::vector<std::string> logs = Logs();
  ASSERT_EQ(logs.size(), 3u);
  fs::resize_file(logs[1], fs::file_size(logs[1]) / 2);
  ExpectRefused(HasSubstr("have a gap"));
}

TEST_F(LogDamageTest, ALogBetweenOthersThatIsEmptyIsFound) {
  MakeStoreWithThreeLogs();
  fs::resize_file(Logs().at(1), 0);
  ExpectRefused(HasSubstr("have a gap"));
}

TEST_F(LogDamageTest, ALogBetweenOthersThatIsGoneIsFound) {
  MakeStoreWithThreeLogs();
  fs::remove(Logs().at(1));
  ExpectRefused(HasSubstr("have a gap"));
}

TEST_F(LogDamageTest, ALogBetweenOthersThatIsZerosIsFound) {
  MakeStoreWithThreeLogs();
  const std::string log = Logs().at(1);
  const auto size = fs::file_size(log);
  std::ofstream(log, std::ios::binary | std::ios::trunc) << std::string(size, '\0');
  ExpectRefused(HasSubstr("have a gap"));
}

TEST_F(LogDamageTest, SectorsOfZerosInALogBetweenOthersAreFound) {
  MakeStoreWithThreeLogs();
  const std::string log = Logs().at(1);
  std::fstream file(log, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(512);
  file << std::string(512, '\0');
  file.close();
  ExpectRefused(AnyOf(HasSubstr("have a gap"), HasSubstr("checksum mismatch")));
}

TEST_F(LogDamageTest, AnOldestLogThatIsGoneIsFound) {
  MakeStoreWithThreeLogs();
  fs::remove(Logs().front());
  ExpectRefused(HasSubstr("begin with revision 6, but revision 5 is not in the tables"));
}

TEST_F(LogDamageTest, ANewestLogThatIsGoneIsFound) {
  MakeStoreWithThreeLogs();
  fs::remove(Logs().back());
  ExpectRefused(HasSubstr("revision 15 was acknowledged"));
}

TEST_F(LogDamageTest, TheOnlyLogWithSomeFamiliesInTablesThatIsGoneIsFound) {
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  Issue(*store, 1, 5);
  Flush(*store, Family::kMeta);
  GoOnInACopyOf(*store);
  for (const std::string& log : Logs()) fs::remove(log);
  ExpectRefused(HasSubstr("its audit log ends at 0"));
}

// What comes after the gap is left out, and what is before it is whole.
TEST_F(LogDamageTest, AcceptingAnOlderStateOpensAtTheGap) {
  MakeStoreWithThreeLogs();
  const Epoch epoch = ReadWatermark(WatermarkPath()).value()->epoch;
  fs::remove(Logs().at(1));
  options_.accept_older_state = true;
  {
    const auto store = Open();
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(CommitAndWait(*store, Putting(TestKey(30))).value().revision, Revision{6});
    EXPECT_EQ(store->VerifyAudit().value().revision, Revision{6});
  }
  options_.accept_older_state = false;
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  EXPECT_NE(store->epoch(), epoch);
  EXPECT_EQ(store->applied_revision(), Revision{6});
  EXPECT_EQ(store->FindKey(TestKeyId(6)).value(), nullptr);
  EXPECT_EQ(store->FindKey(TestKeyId(11)).value(), nullptr);
}

// What is before the gap is not whole then, so that leaving out the rest is no way out.
TEST_F(LogDamageTest, AFamilyWithTablesOfAfterTheGapIsNotOpenedAtAll) {
  flushed_ = Family::kMeta;
  MakeStoreWithThreeLogs();
  fs::remove(Logs().at(1));
  for (const bool accept : {false, true}) {
    options_.accept_older_state = accept;
    ExpectRefused(HasSubstr("is at revision 10, but its audit log ends at 5"));
  }
}

TEST_F(LogDamageTest, AGapBehindAMissingBeginIsNotOpenedAtAll) {
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  for (int n = 1; n <= 7; n += 2) {
    Issue(*store, n, n + 1);
    CountACheck(*store, clock_.Now());
    Flush(*store, Family::kUsage);
  }
  GoOnInACopyOf(*store);
  const std::vector<std::string> logs = Logs();
  ASSERT_GE(logs.size(), 4u);
  fs::remove(logs[0]);
  fs::remove(logs[2]);
  for (const bool accept : {false, true}) {
    options_.accept_older_state = accept;
    ExpectRefused(HasSubstr("begin with revision 3, but revision 2 is not in the tables"));
  }
}

}  // namespace
}  // namespace claviger
