// A clavigerd process to measure.
#ifndef CLAVIGER_TESTS_BENCH_CLAVIGER_SERVER_H_
#define CLAVIGER_TESTS_BENCH_CLAVIGER_SERVER_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "tests/bench/environment.h"
#include "tests/support/clavigerd_process.h"

namespace claviger::bench {

// Runs until destroyed: `clavigerd --dev` on free ports of the loopback address, everything else as
// it is by default, save that all connections may come from one address.
class ClavigerServer {
 public:
  // Returns once it serves.
  static absl::StatusOr<std::unique_ptr<ClavigerServer>> Start(BenchEnvironment& environment,
                                                               const std::string& data_dir);

  const std::string& address() const { return server_->address(); }
  absl::Duration CpuTime() const { return server_->process().CpuTime(); }
  size_t ResidentBytes() const { return server_->process().ResidentBytes(); }
  // SIGKILL; returns once it is gone.
  absl::Status Kill() { return server_->process().Kill(); }
  // `Bearer` and the root key.
  const std::string& authorization() const { return server_->authorization(); }
  // The sample `name` of its metrics; the name with its labels, as it stands in their text.
  absl::StatusOr<double> Metric(std::string_view name) const;

 private:
  explicit ClavigerServer(std::unique_ptr<ClavigerdProcess> server) : server_(std::move(server)) {}

  const std::unique_ptr<ClavigerdProcess> server_;
};

}  // namespace claviger::bench

#endif  // CLAVIGER_TESTS_BENCH_CLAVIGER_SERVER_H_
