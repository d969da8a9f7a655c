// Abseil's locks as ThreadSanitizer has to see them.
//
// Debian's Abseil is built without instrumentation and without the annotations that it has for
// ThreadSanitizer, so that two threads which take turns by an absl::Mutex would seem not to. The
// functions here stand before those of the library, tell ThreadSanitizer what they do, in the way
// of Abseil's own sources, and call the library's. Only in programs built with -fsanitize=thread.
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/base/config.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

namespace {

// Of absl::lts_20220623 or whatever this Abseil's namespace is, with its length in front.
std::string AbseilNamespace() {
#if ABSL_OPTION_USE_INLINE_NAMESPACE
#define CLAVIGER_TEXT_OF(name) #name
#define CLAVIGER_TEXT(name) CLAVIGER_TEXT_OF(name)
  const std::string name = CLAVIGER_TEXT(ABSL_OPTION_INLINE_NAMESPACE_NAME);
  return std::to_string(name.size()) + name;
#else
  return "";
#endif
}

// The library's function whose mangled name, behind the namespace, is `name`.
void* Library(const char* name) {
  const std::string symbol = "_ZN4absl" + AbseilNamespace() + name;
  void* const found = dlsym(RTLD_NEXT, symbol.c_str());
  if (found == nullptr) {
    std::fprintf(stderr, "this Abseil has no %s\n", symbol.c_str());
    std::abort();
  }
  return found;
}

template <typename Function>
Function As(void* function) {
  return reinterpret_cast<Function>(function);
}

template <typename... Args>
using Void = void (*)(absl::Mutex*, Args...);
template <typename... Args>
using Bool = bool (*)(absl::Mutex*, Args...);

// Calls `lock`, which returns with `mutex` held.
template <typename Lock>
auto Locking(absl::Mutex* mutex, unsigned flags, const Lock& lock) {
  __tsan_mutex_pre_lock(mutex, flags);
  if constexpr (std::is_void_v<decltype(lock())>) {
    lock();
    __tsan_mutex_post_lock(mutex, flags, 0);
  } else {
    const auto result = lock();
    __tsan_mutex_post_lock(mutex, flags, 0);
    return result;
  }
}

template <typename Lock>
bool TryLocking(absl::Mutex* mutex, unsigned flags, const Lock& lock) {
  __tsan_mutex_pre_lock(mutex, flags | __tsan_mutex_try_lock);
  const bool locked = lock();
  __tsan_mutex_post_lock(
      mutex, flags | __tsan_mutex_try_lock | (locked ? 0U : __tsan_mutex_try_lock_failed), 0);
  return locked;
}

template <typename Unlock>
void Unlocking(absl::Mutex* mutex, unsigned flags, const Unlock& unlock) {
  __tsan_mutex_pre_unlock(mutex, flags);
  unlock();
  __tsan_mutex_post_unlock(mutex, flags);
}

// Calls `wait`, which lets go of `mutex`, held for writing, and returns with it held again.
template <typename Wait>
auto Waiting(absl::Mutex* mutex, const Wait& wait) {
  __tsan_mutex_pre_unlock(mutex, 0);
  __tsan_mutex_post_unlock(mutex, 0);
  return Locking(mutex, 0, wait);
}

constexpr unsigned kReader = __tsan_mutex_read_lock;

}  // namespace

namespace absl {
ABSL_NAMESPACE_BEGIN

Mutex::~Mutex() {
  static const auto real = As<Void<>>(Library("5MutexD1Ev"));
  real(this);
  __tsan_mutex_destroy(this, __tsan_mutex_not_static);
}

void Mutex::Lock() {
  static const auto real = As<Void<>>(Library("5Mutex4LockEv"));
  Locking(this, 0, [this] { real(this); });
}

void Mutex::Unlock() {
  static const auto real = As<Void<>>(Library("5Mutex6UnlockEv"));
  Unlocking(this, 0, [this] { real(this); });
}

bool Mutex::TryLock() {
  static const auto real = As<Bool<>>(Library("5Mutex7TryLockEv"));
  return TryLocking(this, 0, [this] { return real(this); });
}

void Mutex::ReaderLock() {
  static const auto real = As<Void<>>(Library("5Mutex10ReaderLockEv"));
  Locking(this, kReader, [this] { real(this); });
}

void Mutex::ReaderUnlock() {
  static const auto real = As<Void<>>(Library("5Mutex12ReaderUnlockEv"));
  Unlocking(this, kReader, [this] { real(this); });
}

bool Mutex::ReaderTryLock() {
  static const auto real = As<Bool<>>(Library("5Mutex13ReaderTryLockEv"));
  return TryLocking(this, kReader, [this] { return real(this); });
}

void Mutex::LockWhen(const Condition& condition) {
  static const auto real = As<Void<const Condition&>>(Library("5Mutex8LockWhenERKNS0_9ConditionE"));
  Locking(this, 0, [this, &condition] { real(this, condition); });
}

bool Mutex::LockWhenWithTimeout(const Condition& condition, Duration timeout) {
  static const auto real = As<Bool<const Condition&, Duration>>(
      Library("5Mutex19LockWhenWithTimeoutERKNS0_9ConditionENS0_8DurationE"));
  return Locking(this, 0, [&] { return real(this, condition, timeout); });
}

bool Mutex::LockWhenWithDeadline(const Condition& condition, Time deadline) {
  static const auto real = As<Bool<const Condition&, Time>>(
      Library("5Mutex20LockWhenWithDeadlineERKNS0_9ConditionENS0_4TimeE"));
  return Locking(this, 0, [&] { return real(this, condition, deadline); });
}

void Mutex::Await(const Condition& condition) {
  static const auto real = As<Void<const Condition&>>(Library("5Mutex5AwaitERKNS0_9ConditionE"));
  Waiting(this, [&] { real(this, condition); });
}

bool Mutex::AwaitWithTimeout(const Condition& condition, Duration timeout) {
  static const auto real = As<Bool<const Condition&, Duration>>(
      Library("5Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE"));
  return Waiting(this, [&] { return real(this, condition, timeout); });
}

bool Mutex::AwaitWithDeadline(const Condition& condition, Time deadline) {
  static const auto real = As<Bool<const Condition&, Time>>(
      Library("5Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE"));
  return Waiting(this, [&] { return real(this, condition, deadline); });
}

// These touch atomics of their own outside of a lock, so they are written out instead, as they are
// in Abseil 20220623.

void Notification::Notify() {
  MutexLock lock(&mutex_);
  notified_yet_.store(true, std::memory_order_release);
}

Notification::~Notification() { MutexLock lock(&mutex_); }

void Notification::WaitForNotification() const {
  if (HasBeenNotifiedInternal(&notified_yet_)) return;
  mutex_.LockWhen(Condition(&HasBeenNotifiedInternal, &notified_yet_));
  mutex_.Unlock();
}

bool Notification::WaitForNotificationWithTimeout(Duration timeout) const {
  if (HasBeenNotifiedInternal(&notified_yet_)) return true;
  const bool notified =
      mutex_.LockWhenWithTimeout(Condition(&HasBeenNotifiedInternal, &notified_yet_), timeout);
  mutex_.Unlock();
  return notified;
}

bool Notification::WaitForNotificationWithDeadline(Time deadline) const {
  if (HasBeenNotifiedInternal(&notified_yet_)) return true;
  const bool notified =
      mutex_.LockWhenWithDeadline(Condition(&HasBeenNotifiedInternal, &notified_yet_), deadline);
  mutex_.Unlock();
  return notified;
}

bool BlockingCounter::DecrementCount() {
  const int count = count_.fetch_sub(1, std::memory_order_acq_rel) - 1;
  if (count != 0) return false;
  MutexLock lock(&lock_);
  done_ = true;
  return true;
}

ABSL_NAMESPACE_END
}  // namespace absl
