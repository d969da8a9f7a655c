// What tests of memory must know of the build.
#ifndef CLAVIGER_TESTS_SUPPORT_OWN_ALLOCATOR_H_
#define CLAVIGER_TESTS_SUPPORT_OWN_ALLOCATOR_H_

namespace claviger {

// Whether the program's memory is not the C library's to give: a sanitizer's allocator keeps what
// was freed, and counts nothing.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitizersAllocator = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitizersAllocator = true;
#else
inline constexpr bool kSanitizersAllocator = false;
#endif
#else
inline constexpr bool kSanitizersAllocator = false;
#endif

}  // namespace claviger

#endif  // CLAVIGER_TESTS_SUPPORT_OWN_ALLOCATOR_H_
