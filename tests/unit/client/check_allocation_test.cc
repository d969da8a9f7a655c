// A check that is a hit allocates nothing. In a program of its own, because it counts every call of
// `operator new`.
#include <cstdlib>
#include <new>
#include <string>

#include "client/src/check_engine.h"
#include "gtest/gtest.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/unit/client/grant_testing.h"

namespace {

thread_local size_t allocations = 0;

void* Allocate(size_t size, size_t alignment) {
  ++allocations;
  void* const memory =
      std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) std::abort();
  return memory;
}

// Not inlined: g++ would see memory of `new` given to `free`.
[[gnu::noinline]] void Release(void* memory) { std::free(memory); }

}  // namespace

void* operator new(size_t size) { return Allocate(size, alignof(std::max_align_t)); }
void* operator new(size_t size, std::align_val_t alignment) {
  return Allocate(size, static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept { Release(memory); }
void operator delete(void* memory, size_t) noexcept { Release(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { Release(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { Release(memory); }

namespace claviger::client {
namespace {

class NoAuthority final : public Authority {
 public:
  void Ask(const KeyId&, const KeyHash&, absl::Duration, AnswerCallback) override {
    ADD_FAILURE() << "a hit asks nobody";
  }
};

TEST(CheckAllocationTest, AHitAllocatesNothing) {
  static constexpr std::string_view kRead[] = {"orders:read"};
  FakeClock clock;
  FakeRandom random;
  VerifierView view;
  GrantCache grants({});
  NegativeCache negatives;
  InsertFence fence(view, grants, negatives);
  FlightTable flights;
  NoAuthority authority;
  CheckEngine engine({.check_timeout = absl::Seconds(1), .project_ids = {}},
                     {.clock = clock,
                      .view = view,
                      .grants = grants,
                      .negatives = negatives,
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
  const size_t before_first = allocations;
  ASSERT_TRUE(engine.Check(key, {}, true).valid()) << "the thread's slot and hash context";
  ASSERT_GT(allocations, before_first) << "nothing is counted";

  const size_t before = allocations;
  const Decision decision = engine.Check(key, {.required_scopes = kRead}, true);
  EXPECT_EQ(allocations - before, 0u);
  EXPECT_TRUE(decision.valid());
  EXPECT_EQ(decision.grant().project_id(), "web");
}

}  // namespace
}  // namespace claviger::client
