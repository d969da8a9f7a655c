#include "client/cli/status_command.h"

#include <fmt/format.h>
#include <google/protobuf/struct.pb.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "client/cli/error_text.h"
#include "client/cli/paging.h"
#include "client/cli/session_view.h"
#include "client/cli/time_text.h"

namespace claviger::cli {
namespace {

// The first exchange also pays for the connection: the best of a few is the round trip.
constexpr int kRoundTrips = 5;
// Servers leave the health service out where strangers can reach them.
constexpr char kNotServed[] = "not served";
// More fill the screen; JSON has all.
constexpr size_t kMaxSessionsShown = 20;

// What was found, step by step; a step that was not reached has no value.
struct Findings {
  std::string server;
  std::string health;
  std::optional<absl::Duration> round_trip;
  std::optional<int64_t> projects;
  std::optional<int64_t> keys;
  // Unset also when the caller may not see them.
  std::optional<v1::ListSessionsResponse> sessions;
  // The step that failed; empty when all is well.
  std::string failed_step;
};

grpc::Status CountProjects(Connection& connection, int64_t& count) {
  v1::ListProjectsRequest request;
  request.set_page_size(kMaxPageSize);
  do {
    v1::ListProjectsResponse page;
    const grpc::Status status = connection.Call(Retry::kIfUnavailable, [&](auto* call) {
      return connection.projects().ListProjects(call, request, &page);
    });
    if (!status.ok()) return status;
    count += page.projects_size();
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return grpc::Status::OK;
}

grpc::Status CountKeys(Connection& connection, int64_t& count) {
  v1::ListKeysRequest request;
  request.set_page_size(1);
  request.set_include_total_size(true);
  v1::ListKeysResponse response;
  const grpc::Status status = connection.Call(Retry::kIfUnavailable, [&](auto* call) {
    return connection.keys().ListKeys(call, request, &response);
  });
  count = response.total_size();
  return status;
}

// OK without sessions for a caller who may not see them, and from a server that has none to tell.
grpc::Status ListSessions(Connection& connection,
                          std::optional<v1::ListSessionsResponse>& sessions) {
  v1::ListSessionsResponse response;
  const grpc::Status status = connection.Call(Retry::kIfUnavailable, [&](auto* call) {
    return connection.keys().ListSessions(call, {}, &response);
  });
  if (status.ok()) sessions = std::move(response);
  const bool left_out = status.error_code() == grpc::StatusCode::PERMISSION_DENIED ||
                        status.error_code() == grpc::StatusCode::UNIMPLEMENTED;
  return left_out ? grpc::Status::OK : status;
}

grpc::Status CheckHealth(Connection& connection, Findings& findings) {
  for (int i = 0; i < kRoundTrips; ++i) {
    grpc::health::v1::HealthCheckResponse response;
    absl::Duration waited;
    const grpc::Status status = connection.CheckHealth(response, waited);
    const bool served = status.error_code() != grpc::StatusCode::UNIMPLEMENTED;
    if (!status.ok() && served) return status;
    findings.round_trip = std::min(findings.round_trip.value_or(waited), waited);
    if (!served) {
      findings.health = kNotServed;
      continue;
    }
    findings.health = grpc::health::v1::HealthCheckResponse::ServingStatus_Name(response.status());
  }
  return grpc::Status::OK;
}

// Goes on until a step fails, and notes which.
grpc::Status Examine(Connection& connection, Findings& findings) {
  findings.failed_step = "connect";
  if (!connection.WaitUntilConnected()) return connection.WhyNotConnected();
  findings.failed_step = "health check";
  if (grpc::Status status = CheckHealth(connection, findings); !status.ok()) return status;
  if (findings.health != "SERVING" && findings.health != kNotServed) {
    return {grpc::StatusCode::UNAVAILABLE, "it is up but says " + findings.health};
  }
  findings.failed_step = "list projects";
  int64_t count = 0;
  if (grpc::Status status = CountProjects(connection, count); !status.ok()) return status;
  findings.projects = count;
  findings.failed_step = "list keys";
  if (grpc::Status status = CountKeys(connection, count); !status.ok()) return status;
  findings.keys = count;
  findings.failed_step = "list sessions";
  if (grpc::Status status = ListSessions(connection, findings.sessions); !status.ok()) {
    return status;
  }
  findings.failed_step.clear();
  return grpc::Status::OK;
}

absl::StatusOr<google::protobuf::Struct> ToStruct(const Findings& findings) {
  google::protobuf::Struct json;
  auto& fields = *json.mutable_fields();
  fields["server"].set_string_value(findings.server);
  fields["ok"].set_bool_value(findings.failed_step.empty());
  if (!findings.failed_step.empty()) {
    fields["failedStep"].set_string_value(findings.failed_step);
  }
  if (!findings.health.empty()) fields["health"].set_string_value(findings.health);
  if (findings.round_trip.has_value()) {
    fields["roundTripMs"].set_number_value(absl::ToDoubleMilliseconds(*findings.round_trip));
  }
  if (findings.projects.has_value()) {
    fields["projects"].set_number_value(static_cast<double>(*findings.projects));
  }
  if (findings.keys.has_value()) {
    fields["keys"].set_number_value(static_cast<double>(*findings.keys));
  }
  if (findings.sessions.has_value()) {
    absl::StatusOr<google::protobuf::ListValue> sessions = SessionValues(*findings.sessions);
    if (!sessions.ok()) return sessions.status();
    *fields["sessions"].mutable_list_value() = *std::move(sessions);
    fields["headRevision"].set_string_value(fmt::format("{}", findings.sessions->head_revision()));
  }
  return json;
}

FieldList ToFields(const Findings& findings) {
  FieldList fields;
  fields.Add("server", findings.server);
  fields.Add("health", findings.health,
             findings.health == "SERVING" ? Tone::kGood : Tone::kCaution);
  if (findings.round_trip.has_value()) {
    fields.Add("round trip", FormatElapsed(*findings.round_trip));
  }
  if (findings.projects.has_value()) fields.Add("projects", std::to_string(*findings.projects));
  if (findings.keys.has_value()) fields.Add("keys", std::to_string(*findings.keys));
  if (findings.sessions.has_value()) {
    fields.Add("revision", std::to_string(findings.sessions->head_revision()));
    fields.Add("sessions", SessionSummary(*findings.sessions));
  }
  if (!findings.failed_step.empty()) fields.Add("failed", findings.failed_step, Tone::kBad);
  return fields;
}

ExitCode PrintAsJson(const Findings& findings, CommandContext& context) {
  const absl::StatusOr<google::protobuf::Struct> json = ToStruct(findings);
  return json.ok() ? context.PrintJson(*json) : context.Fail(json.status());
}

ExitCode PrintAsText(const Findings& findings, CommandContext& context) {
  context.Print(ToFields(findings));
  if (!findings.sessions.has_value() || findings.sessions->sessions().empty()) return ExitCode::kOk;
  context.Print("\n");
  context.Print(SessionTable(*findings.sessions, kMaxSessionsShown));
  const size_t count = static_cast<size_t>(findings.sessions->sessions_size());
  if (count > kMaxSessionsShown) {
    context.Note(fmt::format("{} more sessions: -o json", count - kMaxSessionsShown));
  }
  return ExitCode::kOk;
}

ExitCode Status(CommandContext& context) {
  const absl::StatusOr<Connection*> connection = context.Connect();
  if (!connection.ok()) return context.Fail(connection.status());
  Findings findings;
  findings.server =
      fmt::format("{} ({})", (*connection)->target().name,
                  (*connection)->transport() == Transport::kTls ? "TLS" : "plaintext");
  const grpc::Status status = Examine(**connection, findings);
  const ExitCode code =
      context.json() ? PrintAsJson(findings, context) : PrintAsText(findings, context);
  return status.ok() ? code : context.Fail(status);
}

}  // namespace

void AddStatus(CLI::App& parent, CommandSet& commands) {
  CLI::App& command = commands.Add(
      parent, "status",
      "Say whether the server answers, what the caller may see, and which verifiers follow it.\n"
      "A strict revoke waits for every session with a lease until that confirms or ends.",
      "  claviger status\n  claviger status --server keys.example.com:7420 --ca ca.pem");
  commands.OnRun(command, Status);
}

}  // namespace claviger::cli
