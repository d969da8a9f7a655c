#include "tests/bench/cached_checks.h"

#include <openssl/evp.h>

#include <array>
#include <atomic>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/barrier.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "fmt/format.h"

namespace claviger::bench {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(30);
// Between two looks at the clock.
constexpr int kBatch = 1000;
// Checks that wait for the server while the cache is filled.
constexpr int kFillingInFlight = 256;
// Enough for any key set of the bench.
constexpr size_t kMaxCacheBytes = size_t{16} << 30;

constexpr std::string_view kRequired[] = {kBenchScope};
constexpr CheckRequirements kWanted = {.project_id = kBenchProject, .required_scopes = kRequired};

// A key that was just received is in the processor's caches, one that is drawn from many megabytes
// is not: the next one's text is fetched while this one is worked on.
class Received {
 public:
  template <typename KeyOf>
  std::string_view Next(const KeyOf& key_of) {
    const std::string_view next = key_of();
    __builtin_prefetch(next.data());
    __builtin_prefetch(next.data() + next.size() - 1);
    const std::string_view current = next_.empty() ? next : next_;
    next_ = next;
    return current;
  }

 private:
  std::string_view next_;
};

// Which key comes next: a multiplicative generator (Knuth's MMIX), cheap beside what is measured.
class Draw {
 public:
  Draw(uint64_t seed, uint64_t count) : state_(seed), count_(count) {}
  uint64_t operator()() {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return (state_ >> 33) % count_;
  }

 private:
  uint64_t state_;
  const uint64_t count_;
};

// Calls `once` again and again for about `duration`; how often in a second.
template <typename Once>
double PerSecond(absl::Duration duration, Once once) {
  const absl::Time start = absl::Now();
  absl::Time now = start;
  uint64_t done = 0;
  for (; now < start + duration; now = absl::Now()) {
    for (int i = 0; i < kBatch; ++i) once();
    done += kBatch;
  }
  return static_cast<double>(done) / absl::ToDoubleSeconds(now - start);
}

// Checks on their way, at most so many.
class Window {
 public:
  void Enter() {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &Window::HasRoom));
    ++inside_;
  }
  void Leave(const Decision& decision) {
    absl::MutexLock lock(&mutex_);
    --inside_;
    if (!decision.valid() && failure_.ok()) {
      failure_ = absl::InternalError(fmt::format(
          "a check answers {}: {}", DecisionCodeName(decision.code()), decision.detail()));
    }
  }
  // Waits for all; the first failure if there was one.
  absl::Status Finish() {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &Window::IsEmpty));
    return failure_;
  }

 private:
  bool HasRoom() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return inside_ < kFillingInFlight; }
  bool IsEmpty() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return inside_ == 0; }

  absl::Mutex mutex_;
  int inside_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<CachedChecks>> CachedChecks::Make(BenchEnvironment& environment,
                                                                 uint64_t count) {
  std::unique_ptr<CachedChecks> checks(new CachedChecks());
  absl::StatusOr<KeySet> keys = MakeKeySet(environment, count);
  if (!keys.ok()) return keys.status();
  checks->keys_ = *std::move(keys);
  std::ifstream file(checks->keys_.key_file, std::ios::binary);
  checks->texts_.assign(std::istreambuf_iterator<char>(file), {});
  if (checks->texts_.size() != count * checks->keys_.key_length) {
    return absl::InternalError(fmt::format("cannot read {}", checks->keys_.key_file));
  }
  auto server = ClavigerServer::Start(environment, checks->keys_.data_dir);
  if (!server.ok()) return server.status();
  checks->server_ = *std::move(server);

  ClientOptions options;
  options.endpoints = {checks->server_->address()};
  options.key_file = checks->keys_.data_dir + "/root.key";
  options.plaintext = true;
  options.max_cached_keys = count;
  options.max_cache_bytes = kMaxCacheBytes;
  options.check_timeout = kPatience;
  auto client = Client::Create(std::move(options));
  if (!client.ok()) return client.status();
  checks->client_ = *std::move(client);
  if (!checks->client_->WaitForLease(kPatience)) return checks->client_->state().last_error;
  if (absl::Status s = checks->Fill(); !s.ok()) return s;
  return checks;
}

absl::Status CachedChecks::Fill() {
  Window window;
  for (uint64_t i = 0; i < keys_.count; ++i) {
    window.Enter();
    client_->CheckAsync(key(i), kWanted,
                        [&window](const Decision& decision) { window.Leave(decision); });
  }
  if (absl::Status s = window.Finish(); !s.ok()) return s;
  filled_ = client_->state();
  if (filled_.cached_keys == keys_.count) return absl::OkStatus();
  return absl::InternalError(
      fmt::format("the cache has {} of {} keys", filled_.cached_keys, keys_.count));
}

absl::StatusOr<double> CachedChecks::ChecksPerSecond(int threads, uint64_t among,
                                                     absl::Duration duration) {
  absl::Barrier* const start = new absl::Barrier(threads);
  std::atomic<uint64_t> bad{0};
  std::vector<double> rates(static_cast<size_t>(threads));
  std::vector<std::thread> workers;
  for (int i = 0; i < threads; ++i) {
    workers.emplace_back([&, i] {
      Draw draw(static_cast<uint64_t>(absl::GetCurrentTimeNanos()) + static_cast<uint64_t>(i),
                among);
      if (start->Block()) delete start;
      uint64_t bad_here = 0;
      Received received;
      rates[static_cast<size_t>(i)] = PerSecond(duration, [&] {
        const std::string_view text = received.Next([&] { return key(draw()); });
        const Decision decision = client_->Check(text, kWanted);
        if (!decision.valid() || !decision.from_cache()) ++bad_here;
      });
      bad += bad_here;
    });
  }
  for (std::thread& worker : workers) worker.join();
  if (bad > 0) {
    return absl::InternalError(fmt::format("{} checks were not VALID from the cache", bad.load()));
  }
  double all = 0;
  for (const double rate : rates) all += rate;
  return all;
}

absl::StatusOr<double> CachedChecks::HashesPerSecond(uint64_t among,
                                                     absl::Duration duration) const {
  const std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> digest(
      EVP_MD_fetch(nullptr, "SHA256", nullptr), &EVP_MD_free);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  // From here on the context keeps the algorithm, and what it has allocated for it.
  if (EVP_DigestInit_ex2(context.get(), digest.get(), nullptr) != 1) {
    return absl::InternalError("no SHA-256");
  }
  Draw draw(static_cast<uint64_t>(absl::GetCurrentTimeNanos()), among);
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash;
  uint64_t failures = 0;
  Received received;
  const double rate = PerSecond(duration, [&] {
    const std::string_view text = received.Next([&] { return key(draw()); });
    if (EVP_DigestInit_ex2(context.get(), nullptr, nullptr) != 1 ||
        EVP_DigestUpdate(context.get(), text.data(), text.size()) != 1 ||
        EVP_DigestFinal_ex(context.get(), hash.data(), nullptr) != 1) {
      ++failures;
    }
  });
  if (failures > 0) return absl::InternalError("SHA-256 fails");
  return rate;
}

}  // namespace claviger::bench
