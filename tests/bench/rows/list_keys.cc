// P12: whether a page of keys costs the same when there are many.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "claviger/v1/key_authority.grpc.pb.h"
#include "fmt/format.h"
#include "grpcpp/client_context.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "tests/bench/claviger_server.h"
#include "tests/bench/comparison.h"
#include "tests/bench/key_set.h"
#include "tests/bench/measured_load.h"
#include "tests/bench/rows/rows.h"
#include "tests/bench/verify_load.h"
#include "tests/support/interrupt.h"

namespace claviger::bench {
namespace {

constexpr uint64_t kFewKeys = 10'000;
constexpr uint64_t kManyKeys = 10'000'000;
constexpr uint64_t kManyKeysQuick = 1'000'000;
constexpr int kPageSize = 100;
constexpr int kLargestPage = 1000;

// A server over a set of keys of its own.
struct Side {
  uint64_t count = 0;
  std::unique_ptr<ClavigerServer> server;
};

absl::StatusOr<Side> MakeSide(BenchEnvironment& environment, uint64_t count) {
  const auto keys = MakeKeySet(environment, count);
  if (!keys.ok()) return keys.status();
  auto server = ClavigerServer::Start(environment, keys->data_dir);
  if (!server.ok()) return server.status();
  return Side{.count = count, .server = *std::move(server)};
}

// A page of a hundred keys of the project.
v1::ListKeysRequest FirstPage(const Side&) {
  v1::ListKeysRequest request;
  request.add_project_ids(std::string(kBenchProject));
  request.set_page_size(kPageSize);
  return request;
}

v1::ListKeysRequest OwnersPage(const Side& side) {
  v1::ListKeysRequest request = FirstPage(side);
  request.set_owner(OwnerOf(side.count / 2));
  return request;
}

// Pages through half of the keys.
absl::StatusOr<v1::ListKeysRequest> MiddlePage(const Side& side) {
  const auto stub = v1::KeyAuthority::NewStub(
      grpc::CreateChannel(side.server->address(), grpc::InsecureChannelCredentials()));
  v1::ListKeysRequest request = FirstPage(side);
  request.set_page_size(kLargestPage);
  for (uint64_t seen = 0; seen < side.count / 2;) {
    if (absl::Status s = CheckInterrupt(); !s.ok()) return s;
    grpc::ClientContext context;
    context.AddMetadata("authorization", side.server->authorization());
    v1::ListKeysResponse page;
    const grpc::Status status = stub->ListKeys(&context, request, &page);
    if (!status.ok()) return absl::InternalError("ListKeys: " + status.error_message());
    if (page.next_page_token().empty()) return absl::InternalError("ListKeys ends too soon");
    seen += page.keys_size();
    request.set_page_token(page.next_page_token());
  }
  request.set_page_size(kPageSize);
  return request;
}

MeasuredLoad Load(const BenchEnvironment& environment, const Side& side,
                  const v1::ListKeysRequest& request) {
  LoadSpec load;
  load.set_target(side.server->address());
  load.set_method("/claviger.v1.KeyAuthority/ListKeys");
  load.set_authorization(side.server->authorization());
  load.set_in_flight(1);
  load.set_connections(kConnections);
  load.set_warm_up_ms(environment.warm_up_ms());
  load.set_measure_ms(environment.slice_ms());
  load.set_request(request.SerializeAsString());
  return MeasuredLoad(environment.self(), std::move(load),
                      [&side] { return side.server->CpuTime(); });
}

absl::StatusOr<Row> ComparePages(const BenchEnvironment& environment, const Side& few_side,
                                 const Side& many_side, std::string_view which,
                                 const v1::ListKeysRequest& few_request,
                                 const v1::ListKeysRequest& many_request) {
  Row row;
  row.set_id("P12");
  row.set_measure(fmt::format("ListKeys p50, {}, {} keys a page, over {} M", which, kPageSize,
                              many_side.count / 1'000'000));
  row.set_floor_name("the same over 10,000 keys");
  row.set_unit("us");
  row.set_goal(1.5);
  row.set_goal_is_minimum(false);
  MeasuredLoad few = Load(environment, few_side, few_request);
  MeasuredLoad many = Load(environment, many_side, many_request);
  absl::Status compared = Compare(
      environment.rounds(), [&] { return few.Measure(MedianMicroseconds); },
      [&] { return many.Measure(MedianMicroseconds); }, row);
  if (!compared.ok()) return compared;
  row.add_notes(fmt::format("{}: CPU time of the server for a page {:.0f} us and {:.0f} us", which,
                            few.ServerMicrosecondsPerCall(), many.ServerMicrosecondsPerCall()));
  if (few.answer_bytes() < 0.95 * many.answer_bytes() ||
      many.answer_bytes() < 0.95 * few.answer_bytes()) {
    return absl::InternalError("pages of the two sides are not alike");
  }
  return row;
}

}  // namespace

absl::StatusOr<std::vector<Row>> MeasureListKeys(BenchEnvironment& environment) {
  const auto few = MakeSide(environment, kFewKeys);
  if (!few.ok()) return few.status();
  const auto many = MakeSide(environment, environment.options().quick ? kManyKeysQuick : kManyKeys);
  if (!many.ok()) return many.status();
  const auto few_middle = MiddlePage(*few);
  if (!few_middle.ok()) return few_middle.status();
  const auto many_middle = MiddlePage(*many);
  if (!many_middle.ok()) return many_middle.status();

  std::vector<Row> rows;
  const auto add = [&](std::string_view which, const v1::ListKeysRequest& few_request,
                       const v1::ListKeysRequest& many_request) {
    absl::StatusOr<Row> row =
        ComparePages(environment, *few, *many, which, few_request, many_request);
    if (row.ok()) rows.push_back(*std::move(row));
    return row.status();
  };
  if (absl::Status s = add("first page", FirstPage(*few), FirstPage(*many)); !s.ok()) return s;
  if (absl::Status s = add("page from the middle", *few_middle, *many_middle); !s.ok()) return s;
  if (absl::Status s = add("page of an owner", OwnersPage(*few), OwnersPage(*many)); !s.ok()) {
    return s;
  }
  return rows;
}

}  // namespace claviger::bench
