#include "client/cli/session_view.h"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <tuple>
#include <vector>

#include "client/cli/json_output.h"
#include "client/cli/time_text.h"

namespace claviger::cli {
namespace {

struct StateName {
  std::string_view name;
  Tone tone;
};

// By SessionState.
constexpr std::array<StateName, 5> kStateNames = {{{"gone", Tone::kBad},
                                                   {"behind", Tone::kCaution},
                                                   {"no lease", Tone::kCaution},
                                                   {"following", Tone::kGood},
                                                   {"observer", Tone::kPlain}}};

const StateName& NameOf(SessionState state) { return kStateNames[static_cast<size_t>(state)]; }

// How many revisions the session has yet to acknowledge.
uint64_t LagOf(const v1::VerifierSession& session, uint64_t head_revision) {
  return head_revision - std::min(head_revision, session.position());
}

std::vector<const v1::VerifierSession*> InOrder(const v1::ListSessionsResponse& sessions) {
  const uint64_t head = sessions.head_revision();
  const auto rank = [head](const v1::VerifierSession* session) {
    return std::tuple(StateOf(*session, head), session->position(),
                      std::string_view(session->client()), std::string_view(session->peer()),
                      std::string_view(session->session_id()));
  };
  std::vector<const v1::VerifierSession*> ordered;
  for (const v1::VerifierSession& session : sessions.sessions()) ordered.push_back(&session);
  std::sort(ordered.begin(), ordered.end(),
            [&rank](const auto* a, const auto* b) { return rank(a) < rank(b); });
  return ordered;
}

std::string LeaseLeft(const v1::VerifierSession& session) {
  return session.has_lease_left() ? FormatElapsed(FromProto(session.lease_left())) : "none";
}

}  // namespace

SessionState StateOf(const v1::VerifierSession& session, uint64_t head_revision) {
  if (session.observer()) return SessionState::kObserver;
  if (!session.connected()) return SessionState::kGone;
  if (LagOf(session, head_revision) > 0) return SessionState::kBehind;
  return session.has_lease_left() ? SessionState::kFollowing : SessionState::kNoLease;
}

std::string SessionSummary(const v1::ListSessionsResponse& sessions) {
  std::array<int, kStateNames.size()> counts{};
  for (const v1::VerifierSession& session : sessions.sessions()) {
    ++counts[static_cast<size_t>(StateOf(session, sessions.head_revision()))];
  }
  std::string parts;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", counts[i], kStateNames[i].name);
  }
  return parts.empty() ? "none" : fmt::format("{} ({})", sessions.sessions_size(), parts);
}

Table SessionTable(const v1::ListSessionsResponse& sessions, size_t limit) {
  Table table({{.header = "CLIENT", .min_width = 12},
               {.header = "CALLER", .min_width = 10, .dispensable = 2},
               {.header = "ADDRESS", .min_width = 9},
               {.header = "POSITION", .dispensable = 1},
               {.header = "LAG"},
               {.header = "LEASE LEFT"},
               {.header = "STATE"}});
  const std::vector<const v1::VerifierSession*> ordered = InOrder(sessions);
  for (const v1::VerifierSession* session :
       std::span(ordered).first(std::min(limit, ordered.size()))) {
    const StateName& state = NameOf(StateOf(*session, sessions.head_revision()));
    table.AddRow({{session->client()},
                  {session->caller()},
                  {session->peer()},
                  {fmt::format("{}", session->position())},
                  {fmt::format("{}", LagOf(*session, sessions.head_revision()))},
                  {LeaseLeft(*session)},
                  {std::string(state.name), state.tone}});
  }
  return table;
}

absl::StatusOr<google::protobuf::ListValue> SessionValues(
    const v1::ListSessionsResponse& sessions) {
  google::protobuf::ListValue values;
  for (const v1::VerifierSession* session : InOrder(sessions)) {
    const absl::StatusOr<std::string> json = ToJsonLine(*session);
    if (!json.ok()) return json.status();
    google::protobuf::Struct& value = *values.add_values()->mutable_struct_value();
    if (!google::protobuf::util::JsonStringToMessage(*json, &value).ok()) {
      return absl::InternalError("a session of the server's answer cannot be written as JSON");
    }
    auto& fields = *value.mutable_fields();
    fields["lag"].set_string_value(fmt::format("{}", LagOf(*session, sessions.head_revision())));
    fields["state"].set_string_value(
        std::string(NameOf(StateOf(*session, sessions.head_revision())).name));
  }
  return values;
}

}  // namespace claviger::cli
