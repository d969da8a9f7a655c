#include "server/sync/event_ring.h"

#include "gtest/gtest.h"

namespace claviger::sync {
namespace {

Event ChangeOf(uint64_t revision, const std::string& project, int keys = 1) {
  Event event{.revision = Revision{revision}, .keys = {}, .projects = {}};
  for (int i = 0; i < keys; ++i) event.keys.emplace_back(KeyId(), project);
  return event;
}

TEST(EventRingTest, CoversWhatItHoldsAndNothingElse) {
  EventRing ring(Revision{10}, 3);
  for (uint64_t revision = 11; revision <= 15; ++revision) ring.Append(ChangeOf(revision, "p"));
  EXPECT_TRUE(ring.Covers(Revision{15}));
  EXPECT_TRUE(ring.Covers(Revision{12}));
  EXPECT_FALSE(ring.Covers(Revision{11}));
  EXPECT_FALSE(ring.Covers(Revision{16}));
}

TEST(EventRingTest, GivesWhatPassesTheFilterUpToTheHead) {
  EventRing ring(Revision{0}, 10);
  ring.Append(ChangeOf(1, "a"));
  ring.Append(ChangeOf(2, "b"));
  Event project{.revision = Revision{3}, .keys = {}, .projects = {"a"}};
  ring.Append(project);
  const auto items = ring.Behind(Revision{0}, ProjectFilter::Only({"a"}), 100);
  EXPECT_EQ(items.to, Revision{3});
  EXPECT_EQ(items.items, (std::vector<Item>{KeyItem{KeyId()}, ProjectItem{"a"}}));
}

TEST(EventRingTest, StopsBetweenChangesWhenThereIsTooMuch) {
  EventRing ring(Revision{0}, 10);
  for (uint64_t revision = 1; revision <= 3; ++revision) ring.Append(ChangeOf(revision, "p", 4));
  const auto items = ring.Behind(Revision{0}, ProjectFilter(), 8);
  EXPECT_EQ(items.to, Revision{2});
  EXPECT_EQ(items.items.size(), 8u);
}

TEST(EventRingTest, AChangeOfTooManyKeysConcernsAll) {
  EventRing ring(Revision{0}, 10);
  ring.Append(ChangeOf(1, "p", 9));
  const auto items = ring.Behind(Revision{0}, ProjectFilter(), 8);
  EXPECT_EQ(items.items, std::vector<Item>{AllItem{}});
}

}  // namespace
}  // namespace claviger::sync
