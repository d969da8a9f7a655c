// P14: what revoking many keys by one call does to the checks meanwhile, and how long it takes.

#include <chrono>
#include <future>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "claviger/v1/key_authority.grpc.pb.h"
#include "fmt/format.h"
#include "grpcpp/client_context.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "tests/bench/claviger_server.h"
#include "tests/bench/comparison.h"
#include "tests/bench/key_set.h"
#include "tests/bench/load_client.h"
#include "tests/bench/rows/rows.h"
#include "tests/bench/verify_load.h"

namespace claviger::bench {
namespace {

// Of one call. The keys' names have eight digits, so the first four tell the calls' keys apart.
constexpr uint64_t kKeysPerCall = 10'000;
// More calls than one measurement lasts for.
constexpr uint64_t kCallsPerRound = 4;
constexpr uint32_t kMeasureMs = 700;
constexpr uint32_t kFillingInFlight = 64;

int Rounds(const BenchEnvironment& environment) { return environment.options().quick ? 5 : 11; }

// Revokes the keys of `kBenchProject` ten thousand after the other.
class BulkRevokes {
 public:
  BulkRevokes(const ClavigerServer& server, uint64_t calls)
      : stub_(v1::KeyAuthority::NewStub(
            grpc::CreateChannel(server.address(), grpc::InsecureChannelCredentials()))),
        authorization_(server.authorization()),
        calls_(calls) {}

  absl::Status RevokeNext() {
    if (next_ > calls_) return absl::InternalError("there are no keys left");
    v1::RevokeKeysRequest request;
    request.mutable_filter()->add_project_ids(std::string(kBenchProject));
    // Those that are checked are the first ten thousand.
    request.mutable_filter()->set_name_contains(fmt::format("key {:04}", next_++));
    request.set_reason(v1::REVOKE_REASON_COMPROMISED);
    grpc::ClientContext context;
    context.AddMetadata("authorization", authorization_);
    v1::RevokeKeysResponse response;
    const absl::Time begun = absl::Now();
    const grpc::Status status = stub_->RevokeKeys(&context, request, &response);
    seconds_.push_back(absl::ToDoubleSeconds(absl::Now() - begun));
    if (!status.ok()) return absl::InternalError(status.error_message());
    if (response.revoked_count() == kKeysPerCall) return absl::OkStatus();
    return absl::InternalError(
        fmt::format("{} of {} keys were revoked", response.revoked_count(), kKeysPerCall));
  }

  double median_seconds() const { return Median(seconds_); }

 private:
  const std::unique_ptr<v1::KeyAuthority::Stub> stub_;
  const std::string authorization_;
  const uint64_t calls_;
  uint64_t next_ = 1;
  std::vector<double> seconds_;
};

absl::StatusOr<double> MeasureP99(const BenchEnvironment& environment, const LoadSpec& load) {
  const absl::StatusOr<LoadResult> result = RunLoad(environment.self(), load);
  if (!result.ok()) return result.status();
  return result->p99_us();
}

// The same while one call after the other revokes.
absl::StatusOr<double> MeasureP99Meanwhile(const BenchEnvironment& environment,
                                           const LoadSpec& load, BulkRevokes& revokes) {
  auto p99 = std::async(std::launch::async, [&] { return MeasureP99(environment, load); });
  while (p99.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    if (absl::Status s = revokes.RevokeNext(); !s.ok()) return s;
  }
  return p99.get();
}

}  // namespace

absl::StatusOr<std::vector<Row>> MeasureBulkRevokes(BenchEnvironment& environment) {
  const uint64_t calls = kCallsPerRound * static_cast<uint64_t>(Rounds(environment));
  const auto keys = MakeKeySet(environment, (calls + 1) * kKeysPerCall);
  if (!keys.ok()) return keys.status();
  const auto server = ClavigerServer::Start(environment, keys->data_dir);
  if (!server.ok()) return server.status();
  LoadSpec load = VerifyLoad(environment, **server, *keys, kFillingInFlight);
  load.mutable_keys()->set_count(kKeysPerCall);
  absl::Status filled = FillCaches(environment, **server, load);
  if (!filled.ok()) return filled;
  load.set_in_flight(1);
  load.set_measure_ms(kMeasureMs);

  Row row;
  row.set_id("P14");
  row.set_measure("Verify p99, 1 in flight, while RevokeKeys revokes 10,000 keys a call");
  row.set_floor_name("the same without it");
  row.set_unit("us");
  row.set_goal(3);
  row.set_goal_is_minimum(false);
  BulkRevokes revokes(**server, calls);
  absl::Status compared = Compare(
      Rounds(environment), [&] { return MeasureP99(environment, load); },
      [&] { return MeasureP99Meanwhile(environment, load, revokes); }, row);
  if (!compared.ok()) return compared;
  row.add_notes(
      fmt::format("a call revoked {} keys of {} in {:.2f} s (median), durable, checks "
                  "running meanwhile",
                  kKeysPerCall, keys->count, revokes.median_seconds()));
  return std::vector<Row>{std::move(row)};
}

}  // namespace claviger::bench
