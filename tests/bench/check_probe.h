// One check after the other, each timed.
#ifndef CLAVIGER_TESTS_BENCH_CHECK_PROBE_H_
#define CLAVIGER_TESTS_BENCH_CHECK_PROBE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "claviger/v1/verifier.grpc.pb.h"
#include "tests/bench/claviger_server.h"
#include "tests/bench/key_set.h"

namespace claviger::bench {

// A connection of its own, made with the first check.
//
// Thread safety: none.
class CheckProbe {
 public:
  explicit CheckProbe(const ClavigerServer& server);

  // Microseconds until the answer to a check of `key` in the bench's project was here. An error
  // when it is another one than `expected`.
  absl::StatusOr<double> Check(const std::string& key, v1::VerifyCode expected);

 private:
  const std::unique_ptr<v1::Verifier::Stub> stub_;
  const std::string authorization_;
};

// The text of the key that stands in place `index`.
absl::StatusOr<std::string> KeyAt(const KeySet& keys, uint64_t index);

}  // namespace claviger::bench

#endif  // CLAVIGER_TESTS_BENCH_CHECK_PROBE_H_
