// A hit allocates nothing. In a program of its own, because it counts every call of `operator new`.
#include <cstdlib>
#include <new>
#include <optional>

#include "client/src/grant_cache.h"
#include "client/src/verifier_view.h"
#include "core/decision.h"
#include "gtest/gtest.h"
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

}  // namespace

void* operator new(size_t size) { return Allocate(size, alignof(std::max_align_t)); }
void* operator new(size_t size, std::align_val_t alignment) {
  return Allocate(size, static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }

namespace claviger::client {
namespace {

TEST(ClientAllocationTest, AHitAllocatesNothing) {
  const absl::Duration now = absl::Seconds(100);
  VerifierView view;
  view.SetLease(now + absl::Seconds(3));
  GrantCache cache({});
  const size_t before_insertion = allocations;
  ASSERT_TRUE(cache.Insert(GrantOf(1)));
  ASSERT_GT(allocations, before_insertion) << "nothing is counted";
  const KeyId id = IdOf(1);
  const KeyHash hash = HashOf(1);
  ASSERT_TRUE(Has(cache, 1)) << "the thread's slot";

  const size_t before = allocations;
  std::shared_ptr<const CachedGrant> grant;
  VerifyCode code = VerifyCode::kNotFound;
  if (view.LeaseLive(now)) {
    GrantCache::Reader reader(cache);
    reader.Prefetch(id);
    const GrantEntry* entry = reader.Find(id);
    if (entry != nullptr && entry->LiveAt(now) && Equal(entry->hash(), hash)) {
      grant = entry->grant();
      code = Decide(SubjectOf(*grant), {}, absl::UnixEpoch());
    }
  }
  const size_t after = allocations;
  EXPECT_EQ(code, VerifyCode::kValid);
  EXPECT_EQ(after - before, 0U);
}

}  // namespace
}  // namespace claviger::client
