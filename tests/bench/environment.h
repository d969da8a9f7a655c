// What the rows of the bench share: options, a folder, this program's path.
#ifndef CLAVIGER_TESTS_BENCH_ENVIRONMENT_H_
#define CLAVIGER_TESTS_BENCH_ENVIRONMENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/bench/bench.pb.h"
#include "tests/support/scratch_folder.h"

namespace claviger::bench {

struct BenchOptions {
  // Shorter, and with fewer keys.
  bool quick = false;
  // Ids of rows; empty: all.
  std::vector<std::string> rows;
  // Where a run's files go, in a folder that it removes: on the disk that is to be measured.
  std::string folder;
  // Path of clavigerd.
  std::string server;
  // Takes the report as JSON; empty: no such file.
  std::string json_file;
};

// One run.
class BenchEnvironment {
 public:
  // `scratch` outlives this. `self` is the path of this program.
  BenchEnvironment(BenchOptions options, std::string self, const ScratchFolder& scratch)
      : options_(std::move(options)), self_(std::move(self)), scratch_(scratch) {}

  const BenchOptions& options() const { return options_; }
  const std::string& self() const { return self_; }
  // A path in the run's folder that nothing else has.
  std::string NewPath(std::string_view stem);

  // How often a row measures value and floor, one after the other.
  int rounds() const { return options_.quick ? 7 : 11; }
  // How long each such measurement takes, behind the warm-up.
  uint32_t slice_ms() const { return options_.quick ? 700 : 2000; }
  uint32_t warm_up_ms() const { return 200; }

 private:
  const BenchOptions options_;
  const std::string self_;
  const ScratchFolder& scratch_;
  int paths_ = 0;
};

// This machine and what the program is built of.
Machine DescribeMachine();

// Says on the terminal what is being done; the report alone goes to the output.
void Progress(std::string_view what);

}  // namespace claviger::bench

#endif  // CLAVIGER_TESTS_BENCH_ENVIRONMENT_H_
