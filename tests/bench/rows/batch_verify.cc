// P11: what it saves to ask about many keys at once.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "claviger/v1/verifier.grpc.pb.h"
#include "fmt/format.h"
#include "grpcpp/client_context.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "tests/bench/check_probe.h"
#include "tests/bench/claviger_server.h"
#include "tests/bench/comparison.h"
#include "tests/bench/key_set.h"
#include "tests/bench/measured_load.h"
#include "tests/bench/rows/rows.h"
#include "tests/bench/verify_load.h"

namespace claviger::bench {
namespace {

constexpr uint64_t kKeys = 10'000;
constexpr uint32_t kInFlight = 64;
constexpr int kChecksPerBatch = 100;

// The load `single` with so many checks in each call.
absl::StatusOr<LoadSpec> BatchLoad(const LoadSpec& single) {
  v1::VerifyRequest check;
  if (!check.ParseFromString(single.request())) return absl::InternalError("no VerifyRequest");
  v1::BatchVerifyRequest batch;
  for (int i = 0; i < kChecksPerBatch; ++i) *batch.add_checks() = check;
  LoadSpec load = single;
  load.set_method("/claviger.v1.Verifier/BatchVerify");
  load.set_request(batch.SerializeAsString());
  load.clear_answer_prefix();
  // Each check is in the batch with a tag and a length before it.
  const size_t stride = load.request().size() / kChecksPerBatch;
  KeyChoice& keys = *load.mutable_keys();
  keys.set_per_request(kChecksPerBatch);
  keys.set_stride(static_cast<uint32_t>(stride));
  keys.set_offset(static_cast<uint32_t>(keys.offset() + stride - single.request().size()));
  return load;
}

// Whether a batch of the first keys finds all of them good.
absl::Status CheckOneBatch(const ClavigerServer& server, const KeySet& keys, const LoadSpec& load) {
  std::string bytes = load.request();
  for (uint32_t i = 0; i < kChecksPerBatch; ++i) {
    const absl::StatusOr<std::string> key = KeyAt(keys, i);
    if (!key.ok()) return key.status();
    bytes.replace(load.keys().offset() + i * load.keys().stride(), key->size(), *key);
  }
  v1::BatchVerifyRequest request;
  if (!request.ParseFromString(bytes)) return absl::InternalError("no BatchVerifyRequest");
  const auto stub = v1::Verifier::NewStub(
      grpc::CreateChannel(server.address(), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.AddMetadata("authorization", server.authorization());
  v1::BatchVerifyResponse response;
  const grpc::Status status = stub->BatchVerify(&context, request, &response);
  if (!status.ok()) return absl::InternalError(status.error_message());
  if (response.results_size() != kChecksPerBatch) return absl::InternalError("answers are missing");
  for (const v1::BatchVerifyResult& result : response.results()) {
    if (!result.response().valid()) {
      return absl::InternalError(fmt::format("a key is not good: {}", result.ShortDebugString()));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<Row>> MeasureBatchVerify(BenchEnvironment& environment) {
  const auto keys = MakeKeySet(environment, kKeys);
  if (!keys.ok()) return keys.status();
  const auto server = ClavigerServer::Start(environment, keys->data_dir);
  if (!server.ok()) return server.status();
  const LoadSpec single_load = VerifyLoad(environment, **server, *keys, kInFlight);
  absl::Status filled = FillCaches(environment, **server, single_load);
  if (!filled.ok()) return filled;
  const absl::StatusOr<LoadSpec> batch_load = BatchLoad(single_load);
  if (!batch_load.ok()) return batch_load.status();
  if (absl::Status s = CheckOneBatch(**server, *keys, *batch_load); !s.ok()) return s;

  Row row;
  row.set_id("P11");
  row.set_measure(fmt::format("BatchVerify, {} checks a call, 64 in flight", kChecksPerBatch));
  row.set_floor_name("Verify, one check a call");
  row.set_unit("/s");
  row.set_goal(15);
  row.set_goal_is_minimum(true);
  const auto cpu_time = [&] { return (*server)->CpuTime(); };
  MeasuredLoad single(environment.self(), single_load, cpu_time);
  MeasuredLoad batch(environment.self(), *batch_load, cpu_time);
  const auto checks_per_second = [&]() -> absl::StatusOr<double> {
    const absl::StatusOr<double> calls = batch.Measure(CallsPerSecond);
    if (!calls.ok()) return calls.status();
    return *calls * kChecksPerBatch;
  };
  absl::Status compared = Compare(
      environment.rounds(), [&] { return single.Measure(CallsPerSecond); }, checks_per_second, row);
  if (!compared.ok()) return compared;
  row.add_notes(fmt::format(
      "CPU time of the server for a check: alone {:.1f} us, in a batch {:.2f} us",
      single.ServerMicrosecondsPerCall(), batch.ServerMicrosecondsPerCall() / kChecksPerBatch));
  return std::vector<Row>{std::move(row)};
}

}  // namespace claviger::bench
