#include "tests/support/allocation_counter.h"

#include <cstdlib>
#include <new>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
// It has an `operator new` that no other can replace.
#define CLAVIGER_ALLOCATIONS_ARE_NOT_COUNTED
#endif
#endif

#ifdef CLAVIGER_ALLOCATIONS_ARE_NOT_COUNTED

namespace claviger {

bool AllocationsAreCounted() { return false; }
size_t AllocationsOfThisThread() { return 0; }

}  // namespace claviger

#else

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

namespace claviger {

bool AllocationsAreCounted() { return true; }
size_t AllocationsOfThisThread() { return allocations; }

}  // namespace claviger

#endif
