// Tells the operator which peppers keys still need.
#ifndef CLAVIGER_SERVER_APP_PEPPER_REPORT_H_
#define CLAVIGER_SERVER_APP_PEPPER_REPORT_H_

#include <cstdint>
#include <map>
#include <string>

#include "core/digest.h"
#include "storage/key_store.h"

namespace claviger {

// Logs how many keys need a pepper that is not the writing one: at first, and when none does any
// more.
//
// Thread safety: none.
class PepperReport {
 public:
  // `peppers` outlives the report.
  explicit PepperReport(const PepperSet& peppers) : peppers_(peppers) {}

  // Adds the peppers that no key needs, with 0, to `stats`, and logs what is new in it.
  void Complete(StoreStats& stats);

 private:
  const PepperSet& peppers_;
  std::map<std::string, uint64_t> last_;  // by older peppers
};

// Whether both have the same peppers in the same order. Constant time for each pair.
bool SamePeppers(const PepperSet& a, const PepperSet& b);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_APP_PEPPER_REPORT_H_
