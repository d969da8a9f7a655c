// The load of keys being issued.
#ifndef CLAVIGER_TESTS_BENCH_ISSUE_LOAD_H_
#define CLAVIGER_TESTS_BENCH_ISSUE_LOAD_H_

#include "tests/bench/bench.pb.h"
#include "tests/bench/claviger_server.h"
#include "tests/bench/environment.h"

namespace claviger::bench {

// 64 in flight; each key with two scopes, an owner and an expiry.
LoadSpec IssueLoad(const BenchEnvironment& environment, const ClavigerServer& server);

}  // namespace claviger::bench

#endif  // CLAVIGER_TESTS_BENCH_ISSUE_LOAD_H_
