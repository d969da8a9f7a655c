// P5: what it takes until nobody accepts a key any more.

#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "claviger/v1/key_authority.grpc.pb.h"
#include "core/key_format.h"
#include "fmt/format.h"
#include "grpcpp/client_context.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "tests/bench/claviger_server.h"
#include "tests/bench/comparison.h"
#include "tests/bench/floor_server.h"
#include "tests/bench/key_set.h"
#include "tests/bench/load_client.h"
#include "tests/bench/rows/rows.h"
#include "tests/bench/session_client.h"
#include "tests/bench/sync_floor.h"
#include "tests/bench/verify_load.h"

namespace claviger::bench {
namespace {

constexpr uint32_t kSessions[] = {1, 100, 1000};
// More than any machine revokes one after the other.
constexpr uint64_t kMostRevokesPerSecond = 5'000;
// The first field: one byte of tag, one of length.
constexpr uint32_t kKeyIdOffset = 2;

// There are three rows.
int Rounds(const BenchEnvironment& environment) { return environment.options().quick ? 5 : 11; }

// The ids of all keys of `keys`, one behind the other; the path of that file.
absl::StatusOr<std::string> WriteKeyIds(BenchEnvironment& environment, const KeySet& keys) {
  std::ifstream texts(keys.key_file, std::ios::binary);
  std::string path = environment.NewPath("ids");
  std::ofstream ids(path, std::ios::binary);
  std::string text(keys.key_length, '\0');
  while (texts.read(text.data(), static_cast<std::streamsize>(text.size()))) {
    const auto parsed = ParseKey(text);
    if (!parsed.has_value()) return absl::InternalError("the key set is damaged");
    ids << parsed->id.text();
  }
  ids.close();
  if (!ids) return absl::InternalError(fmt::format("cannot write {}", path));
  return path;
}

LoadSpec RevokeLoad(const BenchEnvironment& environment, const ClavigerServer& server,
                    const KeySet& keys, std::string id_file) {
  v1::RevokeKeyRequest request;
  request.set_key_id(std::string(kKeyIdLength, ' '));
  request.set_reason(v1::REVOKE_REASON_COMPROMISED);
  LoadSpec load;
  load.set_target(server.address());
  load.set_method("/claviger.v1.KeyAuthority/RevokeKey");
  load.set_authorization(server.authorization());
  load.set_in_flight(1);
  load.set_connections(kConnections);
  load.set_warm_up_ms(environment.warm_up_ms() / 2);
  load.set_measure_ms(environment.slice_ms() / 2);
  load.set_request(request.SerializeAsString());
  KeyChoice& choice = *load.mutable_keys();
  choice.set_file(std::move(id_file));
  choice.set_key_length(kKeyIdLength);
  choice.set_count(keys.count);
  choice.set_offset(kKeyIdOffset);
  choice.set_in_order(true);
  return load;
}

// One server or floor with sessions.
struct Side {
  std::string target;
  std::string authorization;
  LoadSpec load;
  std::function<absl::Duration()> server_cpu_time;
  std::vector<std::unique_ptr<SessionClient>> clients;
  // What the server used for a call in each measurement, its sessions' beats meanwhile included.
  std::vector<double> server_us_per_call;
};

// The load's median; no key is revoked twice.
absl::StatusOr<double> MeasureMedian(BenchEnvironment& environment, Side& side) {
  const absl::Duration before = side.server_cpu_time();
  const absl::StatusOr<LoadResult> result = RunLoad(environment.self(), side.load);
  if (!result.ok()) return result.status();
  side.server_us_per_call.push_back(absl::ToDoubleMicroseconds(side.server_cpu_time() - before) /
                                    static_cast<double>(result->all_calls()));
  if (side.load.has_keys()) {
    KeyChoice& keys = *side.load.mutable_keys();
    keys.set_first(keys.first() + result->all_calls());
  }
  return result->p50_us() / 1000;
}

// As many more sessions as `total` is above `present`, in a process of their own.
absl::Status AddSessions(BenchEnvironment& environment, uint32_t present, uint32_t total,
                         Side& side) {
  SessionSpec spec;
  spec.set_target(side.target);
  spec.set_authorization(side.authorization);
  spec.set_sessions(total - present);
  // As verifiers have: one each.
  spec.set_connections(spec.sessions());
  auto client = SessionClient::Start(environment.self(), spec);
  if (!client.ok()) return client.status();
  side.clients.push_back(*std::move(client));
  return absl::OkStatus();
}

// Whether a revoke still waits for, and hears from, so many.
absl::Status ExpectAcknowledged(Side& side, const KeySet& keys, const std::string& id_file,
                                int sessions) {
  KeyChoice& choice = *side.load.mutable_keys();
  std::string id(kKeyIdLength, '\0');
  std::ifstream ids(id_file, std::ios::binary);
  ids.seekg(static_cast<std::streamoff>(choice.first() * kKeyIdLength));
  if (choice.first() >= keys.count || !ids.read(id.data(), kKeyIdLength)) {
    return absl::InternalError("there are no keys left");
  }
  choice.set_first(choice.first() + 1);
  const auto stub = v1::KeyAuthority::NewStub(
      grpc::CreateChannel(side.target, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.AddMetadata("authorization", side.authorization);
  v1::RevokeKeyRequest request;
  request.set_key_id(id);
  v1::RevokeKeyResponse response;
  const grpc::Status status = stub->RevokeKey(&context, request, &response);
  if (!status.ok()) return absl::InternalError(status.error_message());
  const v1::Propagation& propagation = response.propagation();
  if (propagation.outcome() == v1::PROPAGATION_OUTCOME_ALL_ACKED &&
      propagation.acked_sessions() == sessions) {
    return absl::OkStatus();
  }
  return absl::InternalError(
      fmt::format("{} of {} sessions confirmed a revoke", propagation.acked_sessions(), sessions));
}

Row RowFor(uint32_t sessions) {
  Row row;
  row.set_id("P5");
  row.set_measure(
      fmt::format("strict RevokeKey p50, {} session{}", sessions, sessions == 1 ? "" : "s"));
  row.set_floor_name(
      "an RPC of the same sizes that writes a synced row and waits for that many bare streams");
  row.set_unit("ms");
  row.set_goal(1.3);
  row.set_goal_is_minimum(false);
  return row;
}

}  // namespace

absl::StatusOr<std::vector<Row>> MeasureStrictRevokes(BenchEnvironment& environment) {
  const uint64_t count = kMostRevokesPerSecond * static_cast<uint64_t>(Rounds(environment)) *
                         (environment.slice_ms() + environment.warm_up_ms()) / 1000;
  const auto keys = MakeKeySet(environment, count);
  if (!keys.ok()) return keys.status();
  const auto id_file = WriteKeyIds(environment, *keys);
  if (!id_file.ok()) return id_file.status();
  const auto server = ClavigerServer::Start(environment, keys->data_dir);
  if (!server.ok()) return server.status();
  const auto bare =
      FloorServer::Start(environment.self(), SyncFloorMode(environment.NewPath("floor")));
  if (!bare.ok()) return bare.status();

  Side revoke{.target = (*server)->address(),
              .authorization = (*server)->authorization(),
              .load = RevokeLoad(environment, **server, *keys, *id_file),
              .server_cpu_time = [&] { return (*server)->CpuTime(); },
              .clients = {},
              .server_us_per_call = {}};
  auto floor_load = FloorLoad(environment, **bare, revoke.load);
  if (!floor_load.ok()) return floor_load.status();
  Side floor{.target = (*bare)->address(),
             .authorization = revoke.authorization,
             .load = *std::move(floor_load),
             .server_cpu_time = [&] { return (*bare)->CpuTime(); },
             .clients = {},
             .server_us_per_call = {}};
  // The id fills so much of the request that it would not fit into the floor's padding.
  floor.load.clear_keys();

  std::vector<Row> rows;
  uint32_t present = 0;
  for (const uint32_t sessions : kSessions) {
    Row row = RowFor(sessions);
    for (Side* side : {&revoke, &floor}) {
      if (absl::Status s = AddSessions(environment, present, sessions, *side); !s.ok()) return s;
    }
    present = sessions;
    absl::Status compared = Compare(
        Rounds(environment), [&] { return MeasureMedian(environment, floor); },
        [&] { return MeasureMedian(environment, revoke); }, row);
    if (!compared.ok()) return compared;
    absl::Status heard = ExpectAcknowledged(revoke, *keys, *id_file, static_cast<int>(sessions));
    if (!heard.ok()) return heard;
    row.add_notes(
        fmt::format("{} sessions: CPU time of the server for a call: floor {:.0f} us, RevokeKey "
                    "{:.0f} us",
                    sessions, Median(std::exchange(floor.server_us_per_call, {})),
                    Median(std::exchange(revoke.server_us_per_call, {}))));
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace claviger::bench
