// A clavigerd process to measure.
#ifndef CLAVIGER_TESTS_BENCH_CLAVIGER_SERVER_H_
#define CLAVIGER_TESTS_BENCH_CLAVIGER_SERVER_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "tests/bench/child_process.h"
#include "tests/bench/environment.h"

namespace claviger::bench {

// Runs until destroyed: `clavigerd --dev` on free ports of the loopback address, everything else as
// it is by default.
class ClavigerServer {
 public:
  // Returns once it serves.
  static absl::StatusOr<std::unique_ptr<ClavigerServer>> Start(BenchEnvironment& environment,
                                                               const std::string& data_dir);

  const std::string& address() const { return address_; }
  absl::Duration CpuTime() const { return process_->CpuTime(); }
  // `Bearer` and the root key.
  const std::string& authorization() const { return authorization_; }
  // The sample `name` of its metrics; the name with its labels, as it stands in their text.
  absl::StatusOr<double> Metric(std::string_view name) const;

 private:
  ClavigerServer() = default;

  std::unique_ptr<ChildProcess> process_;
  std::string address_;
  std::string http_address_;
  std::string authorization_;
};

}  // namespace claviger::bench

#endif  // CLAVIGER_TESTS_BENCH_CLAVIGER_SERVER_H_
