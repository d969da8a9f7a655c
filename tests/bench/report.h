// The report for people and for programs.
#ifndef CLAVIGER_TESTS_BENCH_REPORT_H_
#define CLAVIGER_TESTS_BENCH_REPORT_H_

#include <string>

#include "absl/status/status.h"
#include "tests/bench/bench.pb.h"

namespace claviger::bench {

// One table, with the machine above and the notes below.
std::string RenderReport(const Report& report);

absl::Status WriteJson(const Report& report, const std::string& file);

}  // namespace claviger::bench

#endif  // CLAVIGER_TESTS_BENCH_REPORT_H_
