#include "tests/bench/verify_load.h"

#include "claviger/v1/verifier.pb.h"
#include "tests/bench/load_client.h"

namespace claviger::bench {
namespace {

// The key is the first field: one byte of tag, one of length.
constexpr uint32_t kKeyOffset = 2;

// Filling the caches ends when this share of the checks or less misses them, or when it falls by
// less than a tenth.
constexpr double kFewMisses = 0.01;
constexpr double kStillFalling = 0.9;
constexpr int kMaxFillings = 20;

// How every answer to a good key begins.
std::string ValidPrefix() {
  v1::VerifyResponse answer;
  answer.set_valid(true);
  answer.set_code(v1::VERIFY_CODE_VALID);
  return answer.SerializeAsString();
}

}  // namespace

LoadSpec VerifyLoad(const BenchEnvironment& environment, const ClavigerServer& server,
                    const KeySet& keys, uint32_t in_flight) {
  v1::VerifyRequest request;
  request.set_key(std::string(keys.key_length, ' '));
  request.set_project_id(std::string(kBenchProject));
  request.add_required_scopes(std::string(kBenchScope));
  LoadSpec load;
  load.set_target(server.address());
  load.set_method("/claviger.v1.Verifier/Verify");
  load.set_authorization(server.authorization());
  load.set_in_flight(in_flight);
  load.set_connections(kConnections);
  load.set_warm_up_ms(environment.warm_up_ms());
  load.set_measure_ms(environment.slice_ms());
  load.set_request(request.SerializeAsString());
  KeyChoice& choice = *load.mutable_keys();
  choice.set_file(keys.key_file);
  choice.set_key_length(keys.key_length);
  choice.set_count(keys.count);
  choice.set_offset(kKeyOffset);
  load.set_answer_prefix(ValidPrefix());
  return load;
}

absl::Status FillCaches(const BenchEnvironment& environment, const ClavigerServer& server,
                        const LoadSpec& load) {
  double last_share = 1;
  for (int i = 0; i < kMaxFillings; ++i) {
    const absl::StatusOr<double> before = server.Metric(kRecordCacheMisses);
    if (!before.ok()) return before.status();
    const absl::StatusOr<LoadResult> filled = RunLoad(environment.self(), load);
    if (!filled.ok()) return filled.status();
    const absl::StatusOr<double> after = server.Metric(kRecordCacheMisses);
    if (!after.ok()) return after.status();
    const double share = (*after - *before) / static_cast<double>(filled->all_calls());
    if (share < kFewMisses || (i > 0 && share > kStillFalling * last_share)) break;
    last_share = share;
  }
  return absl::OkStatus();
}

absl::StatusOr<LoadSpec> FloorLoad(const BenchEnvironment& environment, const FloorServer& server,
                                   const LoadSpec& like) {
  LoadSpec probe = like;
  probe.set_in_flight(1);
  probe.set_warm_up_ms(0);
  probe.set_measure_ms(20);
  const absl::StatusOr<LoadResult> probed = RunLoad(environment.self(), probe);
  if (!probed.ok()) return probed.status();
  LoadSpec floor = like;
  floor.set_target(server.address());
  floor.set_method(std::string(kFloorMethod));
  floor.set_request(FloorRequestBytes(like.request().size(), probed->answer_bytes()));
  floor.clear_answer_prefix();
  // The padding stands at the end.
  if (like.has_keys()) {
    floor.mutable_keys()->set_offset(
        static_cast<uint32_t>(floor.request().size() - like.keys().key_length()));
  }
  return floor;
}

}  // namespace claviger::bench
