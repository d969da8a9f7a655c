// What else kept the machine busy while this program measured.
#ifndef CLAVIGER_TESTS_BENCH_OTHER_LOAD_H_
#define CLAVIGER_TESTS_BENCH_OTHER_LOAD_H_

#include "absl/time/time.h"

namespace claviger::bench {

// Thread safety: none.
class OtherLoad {
 public:
  // Counts from now on. REQUIRES: no child process that was started before is waited for later.
  OtherLoad();

  // The share of the machine's CPU time since then that went to programs other than this one and
  // its children that have ended; 0 to 1.
  double Share() const;

 private:
  struct Usage {
    absl::Duration machine;  // busy, over all processors
    absl::Duration all;      // busy or not
    absl::Duration own;
  };
  static Usage Now();

  const Usage begin_;
};

}  // namespace claviger::bench

#endif  // CLAVIGER_TESTS_BENCH_OTHER_LOAD_H_
