// The parts of a check that the client library answers from its own cache: SHA-256, reading the
// key, finding the entry. The whole is rows P3 and P4 of claviger_bench. Keys are drawn at random,
// so that the cache's memory is cold.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "benchmark/benchmark.h"
#include "client/src/cached_grant.h"
#include "client/src/grant_cache.h"
#include "core/digest.h"
#include "core/key_format.h"
#include "core/platform/system_random.h"
#include "fmt/format.h"

namespace claviger::client {
namespace {

constexpr size_t kKeys = 1'000'000;

// A cache that holds `kKeys` keys, and their texts. Built once.
class FilledCache {
 public:
  static const FilledCache& Get() {
    static const FilledCache* const filled = new FilledCache;
    return *filled;
  }

  const GrantCache& cache() const { return cache_; }
  const std::string& key(uint64_t n) const { return keys_[n % kKeys]; }

 private:
  FilledCache() : cache_({.max_entries = kKeys, .max_bytes = size_t{2} << 30}) {
    SystemRandom random;
    keys_.reserve(kKeys);
    for (size_t i = 0; i < kKeys; ++i) {
      const KeyId id = KeyId::Generate(random).value();
      const Secret key = GenerateKey(kDefaultKeyPrefix, Environment::kLive, id, random).value();
      keys_.emplace_back(key.ExposeSecret());
      auto grant = std::make_shared<CachedGrant>();
      grant->id = id;
      grant->project_id = "web";
      grant->owner = fmt::format("customer {}", i);
      grant->scopes = ScopeSet::FromTrusted({"orders:read", "orders:write"});
      cache_.Insert({.hash = HashKey(keys_.back()), .grant = std::move(grant), .revision = {1}});
    }
  }

  GrantCache cache_;
  std::vector<std::string> keys_;
};

// Which key comes next: a multiplicative generator (Knuth's MMIX), cheap beside what is measured.
class Draw {
 public:
  explicit Draw(int thread) : state_(static_cast<uint64_t>(thread) + 1) {}
  uint64_t operator()() {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return state_ >> 33;
  }

 private:
  uint64_t state_;
};

void Sha256OfKey(benchmark::State& state) {
  const FilledCache& filled = FilledCache::Get();
  Draw draw(state.thread_index());
  for (auto _ : state) benchmark::DoNotOptimize(HashKey(filled.key(draw())));
}

void ParseOfKey(benchmark::State& state) {
  const FilledCache& filled = FilledCache::Get();
  Draw draw(state.thread_index());
  for (auto _ : state) benchmark::DoNotOptimize(ParseKey(filled.key(draw())));
}

// The id of a key of `FilledCache`. On a hit the checksum is not read: the hash shows more.
KeyId IdOf(std::string_view key) {
  constexpr size_t kIdOffset = kDefaultKeyPrefix.size() + std::string_view("_live_").size();
  return *KeyId::Parse(key.substr(kIdOffset, kKeyIdLength));
}

void FindOnly(benchmark::State& state) {
  const FilledCache& filled = FilledCache::Get();
  Draw draw(state.thread_index());
  for (auto _ : state) {
    const KeyId id = IdOf(filled.key(draw()));
    GrantCache::Reader reader(filled.cache());
    benchmark::DoNotOptimize(reader.Find(id));
  }
}

BENCHMARK(Sha256OfKey);
BENCHMARK(ParseOfKey);
BENCHMARK(FindOnly);

}  // namespace
}  // namespace claviger::client

BENCHMARK_MAIN();
