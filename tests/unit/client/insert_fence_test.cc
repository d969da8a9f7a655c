#include "client/src/insert_fence.h"

#include "client/src/verifier_view.h"
#include "gtest/gtest.h"
#include "tests/unit/client/grant_testing.h"

namespace claviger::client {
namespace {

constexpr absl::Duration kNow = absl::Seconds(100);
const Epoch kEpoch = EpochOf(1);
const Epoch kOtherEpoch = EpochOf(2);

ToldProjects Told(std::vector<std::string> projects) {
  return std::make_shared<const std::vector<std::string>>(std::move(projects));
}

class InsertFenceTest : public testing::Test {
 protected:
  explicit InsertFenceTest(const SyncRules& rules = {})
      : fence_(view_, grants_, negatives_, rules) {}

  void MoveTo(uint64_t position, std::vector<sync::Item> items = {}) {
    fence_.Apply({.items = std::move(items), .epoch = kEpoch, .position = {position}});
  }

  VerifierView view_;
  GrantCache grants_{GrantCache::Limits()};
  NegativeCache negatives_;
  InsertFence fence_;
};

TEST_F(InsertFenceTest, NothingEntersBeforeTheFirstWelcome) {
  EXPECT_FALSE(fence_.Insert(GrantOf(1, 5), kEpoch));
  EXPECT_FALSE(fence_.Insert(GrantOf(1, 5), Epoch()));
  EXPECT_FALSE(fence_.InsertNotFound(IdOf(2), HashOf(2), {Epoch(), {5}}, kNow));
  EXPECT_EQ(grants_.entries(), 0U);
}

TEST_F(InsertFenceTest, AnswersEnterOnlyFromThePositionOnAndOfTheSameEpoch) {
  const struct {
    const char* name;
    Epoch epoch;
    uint64_t revision;
    bool enters;
  } kCases[] = {
      {"from before", kEpoch, 9, false},
      {"from the position", kEpoch, 10, true},
      {"from later", kEpoch, 11, true},
      {"of another epoch", kOtherEpoch, 10, false},
      {"of another epoch, from later", kOtherEpoch, 1'000, false},
      {"of no epoch", Epoch(), 10, false},
  };
  MoveTo(10);
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(fence_.Insert(GrantOf(1, c.revision), c.epoch), c.enters);
    EXPECT_EQ(Has(grants_, 1), c.enters);
    EXPECT_EQ(fence_.InsertNotFound(IdOf(2), HashOf(2), {c.epoch, {c.revision}}, kNow), c.enters);
    EXPECT_EQ(negatives_.Contains(IdOf(2), HashOf(2), kNow), c.enters);
    grants_.Flush();
    negatives_.Flush();
  }
}

TEST_F(InsertFenceTest, AnAnswerFromBeforeItsRevokeNeverEnters) {
  MoveTo(10);
  NewGrant slow = GrantOf(1, 10);  // computed, on its way
  MoveTo(11, {sync::KeyItem{IdOf(1)}});
  EXPECT_FALSE(fence_.Insert(std::move(slow), kEpoch));
  EXPECT_FALSE(Has(grants_, 1));
}

TEST_F(InsertFenceTest, AStepEvictsWhatItNames) {
  const struct {
    const char* name;
    CacheStep step;
    bool first_stays, second_stays, negative_stays;
  } kCases[] = {
      {"nothing", {.epoch = kEpoch, .position = {6}}, true, true, true},
      {"a key",
       {.items = {sync::KeyItem{IdOf(1)}}, .epoch = kEpoch, .position = {6}},
       false,
       true,
       true},
      {"the id that was said not to exist",
       {.items = {sync::KeyItem{IdOf(3)}}, .epoch = kEpoch, .position = {6}},
       true,
       true,
       false},
      {"a project",
       {.items = {sync::ProjectItem{"api"}}, .epoch = kEpoch, .position = {6}},
       true,
       false,
       false},
      {"all", {.items = {sync::AllItem{}}, .epoch = kEpoch, .position = {6}}, false, false, false},
      {"flush", {.flush = true, .epoch = kEpoch, .position = {6}}, false, false, false},
      {"two keys",
       {.items = {sync::KeyItem{IdOf(1)}, sync::KeyItem{IdOf(2)}},
        .epoch = kEpoch,
        .position = {6}},
       false,
       false,
       true},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    MoveTo(5);
    ASSERT_TRUE(fence_.Insert(GrantOf(1, 7, "web"), kEpoch));
    ASSERT_TRUE(fence_.Insert(GrantOf(2, 7, "api"), kEpoch));
    ASSERT_TRUE(fence_.InsertNotFound(IdOf(3), HashOf(3), {kEpoch, {7}}, kNow));
    fence_.Apply(c.step);
    EXPECT_EQ(Has(grants_, 1), c.first_stays);
    EXPECT_EQ(Has(grants_, 2), c.second_stays);
    EXPECT_EQ(negatives_.Contains(IdOf(3), HashOf(3), kNow), c.negative_stays);
    EXPECT_EQ(fence_.position(), Revision{6});
    fence_.Apply({.flush = true, .epoch = kEpoch, .position = {5}});
  }
}

TEST_F(InsertFenceTest, OnlyKeysOfToldProjectsEnter) {
  fence_.Apply({.epoch = kEpoch, .position = {10}, .projects = Told({"api", "web"})});
  EXPECT_TRUE(fence_.Insert(GrantOf(1, 10, "web"), kEpoch));
  EXPECT_FALSE(fence_.Insert(GrantOf(2, 10, "other"), kEpoch));
  EXPECT_FALSE(fence_.Insert(GrantOf(3, 10, "we"), kEpoch));
  fence_.Apply({.epoch = kEpoch, .position = {10}, .projects = Told({})});
  EXPECT_FALSE(fence_.Insert(GrantOf(4, 10, "web"), kEpoch));
  fence_.Apply({.epoch = kEpoch, .position = {10}});
  EXPECT_TRUE(fence_.Insert(GrantOf(4, 10, "other"), kEpoch));
}

TEST_F(InsertFenceTest, ANewEpochMayBeginBehindTheOldPosition) {
  MoveTo(1'000);
  fence_.Apply({.flush = true, .epoch = kOtherEpoch, .position = {3}});
  EXPECT_TRUE(fence_.Insert(GrantOf(1, 3), kOtherEpoch));
  EXPECT_FALSE(fence_.Insert(GrantOf(2, 1'000), kEpoch));
}

TEST_F(InsertFenceTest, HereTellsPositionAndLease) {
  view_.SetLease(kNow + absl::Seconds(3));
  EXPECT_FALSE(fence_.Here(kNow).lease_live) << "no epoch yet";
  MoveTo(10);
  const JoinPoint here = fence_.Here(kNow);
  EXPECT_TRUE(here.lease_live);
  EXPECT_EQ(here.position, Revision{10});
  EXPECT_EQ(here.epoch, kEpoch);
  EXPECT_FALSE(fence_.Here(kNow + absl::Seconds(3)).lease_live);
}

TEST(JoinPointTest, OnlyAnswersFromTheJoiningOnAreTaken) {
  const struct {
    const char* name;
    JoinPoint point;
    Reflects answer;
    bool takes;
  } kCases[] = {
      {"later", {kEpoch, {10}, true, nullptr}, {kEpoch, {11}}, true},
      {"the same", {kEpoch, {10}, true, nullptr}, {kEpoch, {10}}, true},
      {"before", {kEpoch, {10}, true, nullptr}, {kEpoch, {9}}, false},
      {"no lease at the joining", {kEpoch, {10}, false, nullptr}, {kEpoch, {11}}, false},
      {"another epoch", {kEpoch, {10}, true, nullptr}, {kOtherEpoch, {11}}, false},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(c.point.MayTake(c.answer, nullptr), c.takes);
    EXPECT_EQ(c.point.MayTake(c.answer, GrantOf(1).grant.get()), c.takes);
    EXPECT_TRUE(c.point.MayTake(c.answer, nullptr, {.join_fence = false}));
  }
}

// The revokes of other projects do not wait for us.
TEST(JoinPointTest, AGrantOfAProjectThatIsNotToldIsNotTaken) {
  const JoinPoint point = {kEpoch, {10}, true, Told({"api", "web"})};
  const Reflects answer = {kEpoch, {11}};
  EXPECT_TRUE(point.MayTake(answer, GrantOf(1, 11, "web").grant.get()));
  EXPECT_FALSE(point.MayTake(answer, GrantOf(1, 11, "other").grant.get()));
  EXPECT_TRUE(point.MayTake(answer, nullptr)) << "a denial harms nobody";
}

class WithoutInsertFenceTest : public InsertFenceTest {
 protected:
  WithoutInsertFenceTest() : InsertFenceTest({.insert_fence = false}) {}
};

TEST_F(WithoutInsertFenceTest, AnAnswerFromBeforeItsRevokeLives) {
  MoveTo(11, {sync::KeyItem{IdOf(1)}});
  EXPECT_TRUE(fence_.Insert(GrantOf(1, 10), kEpoch));
  EXPECT_TRUE(Has(grants_, 1));
}

TEST(VerifierViewTest, ALeaseEndsAtItsEnd) {
  VerifierView view;
  EXPECT_FALSE(view.LeaseLive(absl::ZeroDuration()));
  view.SetLease(kNow);
  EXPECT_EQ(view.lease_end(), kNow);
  EXPECT_TRUE(view.LeaseLive(kNow - absl::Nanoseconds(1)));
  EXPECT_FALSE(view.LeaseLive(kNow));
  view.SetLease(absl::ZeroDuration());
  EXPECT_FALSE(view.LeaseLive(kNow - absl::Seconds(1)));
}

TEST(VerifierViewTest, StaleUseEndsLessThanTheToldTimeAfterTheLease) {
  VerifierView view(absl::Seconds(100));
  EXPECT_FALSE(view.StaleUsable(absl::Seconds(1))) << "there was no lease ever";
  view.SetLease(kNow);
  EXPECT_FALSE(view.LeaseLive(kNow));
  EXPECT_TRUE(view.StaleUsable(kNow));
  EXPECT_TRUE(view.StaleUsable(kNow + absl::Milliseconds(99'499)));
  EXPECT_FALSE(view.StaleUsable(kNow + absl::Milliseconds(99'500)));
}

TEST(VerifierViewTest, WithoutTheOptionNothingStaleIsUsed) {
  VerifierView view;
  view.SetLease(kNow);
  EXPECT_FALSE(view.StaleUsable(kNow));
}

}  // namespace
}  // namespace claviger::client
