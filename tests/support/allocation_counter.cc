#include "tests/support/allocation_counter.h"

#include <cstdlib>
#include <new>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CLAVIGER_COUNT_BY_HOOK
#include <sanitizer/allocator_interface.h>
#endif
#endif

namespace {

thread_local size_t allocations = 0;

#ifdef CLAVIGER_COUNT_BY_HOOK

// ThreadSanitizer has an `operator new` of its own that no other can replace.
[[maybe_unused]] const int hooked = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, size_t) { ++allocations; }, [](const volatile void*) {});

#else

void* Allocate(size_t size, size_t alignment) {
  ++allocations;
  void* const memory =
      std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) std::abort();
  return memory;
}

#endif

}  // namespace

#ifndef CLAVIGER_COUNT_BY_HOOK

void* operator new(size_t size) { return Allocate(size, alignof(std::max_align_t)); }
void* operator new(size_t size, std::align_val_t alignment) {
  return Allocate(size, static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }

#endif

namespace claviger {

size_t AllocationsOfThisThread() { return allocations; }

}  // namespace claviger
