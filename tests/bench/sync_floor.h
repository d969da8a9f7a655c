// The floor under the Sync stream: streams that carry the same messages and know nothing.
#ifndef CLAVIGER_TESTS_BENCH_SYNC_FLOOR_H_
#define CLAVIGER_TESTS_BENCH_SYNC_FLOOR_H_

#include <string>
#include <string_view>
#include <vector>

namespace claviger::bench {

inline constexpr std::string_view kSyncFloorMode = "sync-floor";

// What FloorServer::Start takes to start one whose database is in `folder`.
inline std::vector<std::string> SyncFloorMode(const std::string& folder) {
  return {std::string(kSyncFloorMode), folder};
}

// The program of its process. Serves Verifier.Sync: each stream is welcomed, each beat answered
// with a grant. And Floor.Call: writes a row of the request's and the answer's size into RocksDB,
// synced, then sends an Invalidation of one key on all streams, and answers once each of them was
// acknowledged by a beat, which is then all that comes of that beat. Only one Call at a time.
// Returns the exit status.
int RunSyncFloor(const std::string& folder);

}  // namespace claviger::bench

#endif  // CLAVIGER_TESTS_BENCH_SYNC_FLOOR_H_
