#include "server/rpc/usage_answers.h"

#include <memory>

#include "gtest/gtest.h"
#include "storage/memory/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/support/store_testing.h"

namespace claviger {
namespace {

class UsageAnswersTest : public ::testing::Test {
 protected:
  // What is told of a key that was replaced now, and last used at `time`.
  v1::Key AnswerWhenUsedAt(absl::Time time) {
    KeyRecord key = TestKey(1);
    key.rotate_time = clock_.Now();
    EXPECT_TRUE(CommitAndWait(*store_, Putting(key)).ok());
    UsageDelta delta{.key_id = key.id,
                     .project_id = key.project_id,
                     .hour = HourOf(time),
                     .counts = {},
                     .last_use = LastUse{.time = time, .address = "", .by = "system"}};
    EXPECT_TRUE(store_->AddUsage({&delta, 1}).ok());
    v1::Key answer;
    EXPECT_TRUE(FillLastUse(*store_, key, answer).ok());
    return answer;
  }

  FakeClock clock_;
  FakeRandom random_;
  const std::unique_ptr<KeyStore> store_ =
      MemoryStore::Create({.clock = &clock_, .random = &random_}).value();
};

TEST_F(UsageAnswersTest, AReplacedKeyThatIsStillUsedIsToldSo) {
  EXPECT_TRUE(AnswerWhenUsedAt(clock_.Now() + absl::Seconds(1)).used_since_rotation());
}

TEST_F(UsageAnswersTest, AUseBeforeTheReplacementIsNone) {
  const v1::Key answer = AnswerWhenUsedAt(clock_.Now() - absl::Seconds(1));
  EXPECT_TRUE(answer.has_last_used_time());
  EXPECT_FALSE(answer.used_since_rotation());
}

}  // namespace
}  // namespace claviger
