// The real client with a full cache, in this process.
#ifndef CLAVIGER_TESTS_BENCH_CACHED_CHECKS_H_
#define CLAVIGER_TESTS_BENCH_CACHED_CHECKS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "claviger/client.h"
#include "tests/bench/claviger_server.h"
#include "tests/bench/environment.h"
#include "tests/bench/key_set.h"

namespace claviger::bench {

// A clavigerd with keys, and a claviger::Client of it that has checked each of them once and keeps
// them all.
class CachedChecks {
 public:
  // Fills the cache by checks, with a call to the server each: some 10,000 or more in a second.
  static absl::StatusOr<std::unique_ptr<CachedChecks>> Make(BenchEnvironment& environment,
                                                            uint64_t keys);

  // How many checks of keys at random among the first `among`, each with a project and a scope, all
  // `threads` together make in a second, over about `duration`. INTERNAL when one was not VALID
  // from the cache.
  absl::StatusOr<double> ChecksPerSecond(int threads, uint64_t among, absl::Duration duration);

  // How many SHA-256 of the same keys, at random as well, one thread computes in a second, with
  // OpenSSL and nothing around it: the digest fetched before, the context used again and again.
  absl::StatusOr<double> HashesPerSecond(uint64_t among, absl::Duration duration) const;

  const ClientState& filled() const { return filled_; }

 private:
  CachedChecks() = default;

  absl::Status Fill();
  std::string_view key(uint64_t number) const {
    return std::string_view(texts_).substr(number * keys_.key_length, keys_.key_length);
  }

  KeySet keys_;
  std::string texts_;
  std::unique_ptr<ClavigerServer> server_;
  std::unique_ptr<Client> client_;
  ClientState filled_;
};

}  // namespace claviger::bench

#endif  // CLAVIGER_TESTS_BENCH_CACHED_CHECKS_H_
