// How often this thread allocates. A program that is linked with this has its own `operator new`.
#ifndef CLAVIGER_TESTS_SUPPORT_ALLOCATION_COUNTER_H_
#define CLAVIGER_TESTS_SUPPORT_ALLOCATION_COUNTER_H_

#include <cstddef>

namespace claviger {

// False in a build with ThreadSanitizer, whose `operator new` cannot be replaced: skip the test.
bool AllocationsAreCounted();

// Calls of `operator new` by the calling thread so far.
size_t AllocationsOfThisThread();

// How often `f` allocates.
template <typename F>
size_t AllocationsOf(F f) {
  const size_t before = AllocationsOfThisThread();
  f();
  return AllocationsOfThisThread() - before;
}

}  // namespace claviger

#endif  // CLAVIGER_TESTS_SUPPORT_ALLOCATION_COUNTER_H_
