#include "client/cli/watch_view.h"

#include <fmt/format.h>
#include <google/protobuf/struct.pb.h>

#include <string_view>

#include "client/cli/display_text.h"
#include "client/cli/json_output.h"
#include "client/cli/key_view.h"
#include "client/cli/table.h"
#include "client/cli/time_text.h"

namespace claviger::cli {
namespace {

std::string_view NameOf(WatchEvent::What what) {
  switch (what) {
    case WatchEvent::What::kKey:
      return "KEY";
    case WatchEvent::What::kProject:
      return "PROJECT";
    case WatchEvent::What::kAll:
      return "ALL";
    case WatchEvent::What::kReset:
      return "RESET";
  }
  return "ALL";
}

// Unlike a table the lines cannot wait for the widest: a revision has that many digits for long.
std::string InColumns(std::string_view time, std::string_view revision, std::string_view what) {
  return fmt::format("{:<20}  {:>8}  {}\n", time, revision, what);
}

}  // namespace

std::string WatchHeader() { return InColumns("TIME", "REVISION", "WHAT"); }

std::string WatchLine(const WatchEvent& event, absl::Time time, bool color) {
  std::string what(NameOf(event.what));
  if (!event.id.empty()) what += " " + EscapeForTerminal(event.id);
  if (event.what == WatchEvent::What::kReset) {
    what += fmt::format(" what changed since revision {} was missed", event.since);
    what = Painted(what, Tone::kCaution, color);
  }
  return InColumns(FormatRfc3339(time), fmt::format("{}", event.revision), what);
}

absl::StatusOr<std::string> WatchJsonLine(const WatchEvent& event, absl::Time time) {
  google::protobuf::Struct json;
  auto& fields = *json.mutable_fields();
  fields["time"].set_string_value(
      absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone()));
  fields["revision"].set_string_value(fmt::format("{}", event.revision));
  fields["what"].set_string_value(std::string(NameOf(event.what)));
  if (!event.id.empty()) fields["id"].set_string_value(event.id);
  if (event.what == WatchEvent::What::kReset) {
    fields["since"].set_string_value(fmt::format("{}", event.since));
  }
  return ToJsonLine(json);
}

std::string DescribeWelcome(const v1::SyncWelcome& welcome, uint64_t position) {
  std::string projects = "all projects";
  if (!welcome.all_projects()) {
    projects = welcome.project_ids().empty() ? "nothing: the caller may verify in none of these,"
                                             : JoinOrNone(welcome.project_ids());
  }
  return fmt::format("watching {} from revision {}", projects, position);
}

}  // namespace claviger::cli
