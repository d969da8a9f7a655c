#include "tests/bench/issue_load.h"

#include <string>

#include "claviger/v1/key_authority.pb.h"
#include "tests/bench/key_set.h"
#include "tests/bench/verify_load.h"

namespace claviger::bench {
namespace {

constexpr uint32_t kInFlight = 64;

}  // namespace

LoadSpec IssueLoad(const BenchEnvironment& environment, const ClavigerServer& server) {
  v1::IssueKeyRequest request;
  request.set_project_id(std::string(kBenchProject));
  request.set_display_name("billing worker");
  request.add_scopes(std::string(kBenchScope));
  request.add_scopes("orders:write");
  request.set_owner("team-billing");
  request.mutable_ttl()->set_seconds(90 * 24 * 3600);
  LoadSpec load;
  load.set_target(server.address());
  load.set_method("/claviger.v1.KeyAuthority/IssueKey");
  load.set_authorization(server.authorization());
  load.set_in_flight(kInFlight);
  load.set_connections(kConnections);
  load.set_warm_up_ms(environment.warm_up_ms());
  load.set_measure_ms(environment.slice_ms());
  load.set_request(request.SerializeAsString());
  return load;
}

}  // namespace claviger::bench
