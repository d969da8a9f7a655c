// How long this machine waits for its memory: what a check of one of very many keys cannot avoid.
#ifndef CLAVIGER_TESTS_BENCH_MEMORY_LATENCY_H_
#define CLAVIGER_TESTS_BENCH_MEMORY_LATENCY_H_

#include <cstddef>

namespace claviger::bench {

// Nanoseconds for one load from a place at random in `bytes` of memory, where each place tells the
// next one, so that no load begins before the one before it has ended.
double MemoryLatencyNanoseconds(size_t bytes);

}  // namespace claviger::bench

#endif  // CLAVIGER_TESTS_BENCH_MEMORY_LATENCY_H_
