// A store full of keys, and their texts.
#ifndef CLAVIGER_TESTS_BENCH_KEY_SET_H_
#define CLAVIGER_TESTS_BENCH_KEY_SET_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "tests/bench/environment.h"

namespace claviger::bench {

inline constexpr std::string_view kBenchProject = "bench";
// Every key holds it.
inline constexpr std::string_view kBenchScope = "orders:read";

// So many keys belong to one owner.
inline constexpr uint64_t kKeysOfAnOwner = 200;
// The owner of the key that was made as number `number`. Of one length, so that all answers are.
std::string OwnerOf(uint64_t number);

struct KeySet {
  // For clavigerd, with its pepper file.
  std::string data_dir;
  // All keys, each `key_length` bytes, one behind the other.
  std::string key_file;
  uint32_t key_length = 0;
  uint64_t count = 0;
};

// Makes `count` keys of project `bench` by way of the store's own Commit, many in one commit.
absl::StatusOr<KeySet> MakeKeySet(BenchEnvironment& environment, uint64_t count);

}  // namespace claviger::bench

#endif  // CLAVIGER_TESTS_BENCH_KEY_SET_H_
