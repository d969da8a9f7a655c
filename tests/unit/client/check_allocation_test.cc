// A check that is a hit allocates nothing.
#include <string>

#include "client/src/check_engine.h"
#include "gtest/gtest.h"
#include "tests/support/allocation_counter.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/unit/client/grant_testing.h"

namespace claviger::client {
namespace {

class NoAuthority final : public Authority {
 public:
  void Ask(const AskedKey&, absl::Duration, AnswerCallback) override {
    ADD_FAILURE() << "a hit asks nobody";
  }
};

TEST(CheckAllocationTest, AHitAllocatesNothing) {
  if (!AllocationsAreCounted()) GTEST_SKIP() << "ThreadSanitizer's own operator new is in use";
  static constexpr std::string_view kRead[] = {"orders:read"};
  FakeClock clock;
  FakeRandom random;
  VerifierView view;
  GrantCache grants({});
  NegativeCache negatives;
  KeyHints foreign(256);
  InsertFence fence(view, grants, negatives);
  FlightTable flights;
  NoAuthority authority;
  CheckEngine engine({.check_timeout = absl::Seconds(1), .project_ids = {}},
                     {.clock = clock,
                      .view = view,
                      .grants = grants,
                      .negatives = negatives,
                      .foreign = foreign,
                      .fence = fence,
                      .flights = flights,
                      .authority = authority,
                      .observer = nullptr});
  const std::string key(GenerateKey("clv", Environment::kLive, IdOf(1), random)->ExposeSecret());
  fence.Apply({.flush = true, .items = {}, .epoch = EpochOf(1), .position = {1}});
  NewGrant grant = GrantOf(1);
  grant.hash = HashKey(key);
  ASSERT_TRUE(fence.Insert(std::move(grant), EpochOf(1)));
  view.SetLease(clock.SinceBoot() + absl::Seconds(3));
  // The thread's slot and hash context are made once.
  Decision decision;
  EXPECT_GT(AllocationsOf([&] { decision = engine.Check(key, {}, true); }), 0u) << "not counted";

  EXPECT_EQ(AllocationsOf([&] { decision = engine.Check(key, {.required_scopes = kRead}, true); }),
            0u);
  EXPECT_TRUE(decision.valid());
  EXPECT_EQ(decision.grant().project_id(), "web");
}

}  // namespace
}  // namespace claviger::client
