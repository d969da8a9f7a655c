// Entropy that repeats from run to run.
#ifndef CLAVIGER_TESTS_SUPPORT_FAKE_RANDOM_H_
#define CLAVIGER_TESTS_SUPPORT_FAKE_RANDOM_H_

#include <cstdint>
#include <random>
#include <span>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "core/random.h"

namespace claviger {

// Fills with the output of a seeded generator: the same seed gives the same bytes, in the order of
// the calls.
//
// Thread safety: all methods may be called from any thread at once.
class FakeRandom final : public RandomSource {
 public:
  explicit FakeRandom(uint32_t seed = 1) : generator_(seed) {}

  absl::Status Fill(std::span<uint8_t> out) override {
    absl::MutexLock lock(&mutex_);
    if (!failure_.ok()) return failure_;
    for (uint8_t& byte : out) byte = static_cast<uint8_t>(generator_());
    return absl::OkStatus();
  }

  // From now on `Fill` answers `failure`; OK makes it work again.
  void FailWith(absl::Status failure) {
    absl::MutexLock lock(&mutex_);
    failure_ = std::move(failure);
  }

 private:
  absl::Mutex mutex_;
  std::mt19937 generator_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

// Fills every byte with one value: for the edges of what is made from random bytes.
//
// Thread safety: immutable.
class ConstantRandom final : public RandomSource {
 public:
  explicit ConstantRandom(uint8_t value) : value_(value) {}

  absl::Status Fill(std::span<uint8_t> out) override {
    for (uint8_t& byte : out) byte = value_;
    return absl::OkStatus();
  }

 private:
  const uint8_t value_;
};

}  // namespace claviger

#endif  // CLAVIGER_TESTS_SUPPORT_FAKE_RANDOM_H_
