#include "client/cli/audit_view.h"

#include <fmt/format.h>

#include "client/cli/display_text.h"
#include "client/cli/time_text.h"

namespace claviger::cli {
namespace {

// What came of the call: the reason of a refusal, or what is noted of it.
std::string ResultOf(const v1::AuditEvent& event) {
  if (event.refusal().empty()) return event.detail();
  return event.detail().empty() ? event.refusal()
                                : fmt::format("{}: {}", event.refusal(), event.detail());
}

Tone ToneOf(const v1::AuditEvent& event) {
  return event.refusal().empty() ? Tone::kPlain : Tone::kCaution;
}

std::string InAuditColumns(std::string_view time, std::string_view revision,
                           std::string_view action, std::string_view rest) {
  return fmt::format("{:<20}  {:>8}  {:<14}  {}\n", time, revision, action, rest);
}

}  // namespace

Table AuditTable(const google::protobuf::RepeatedPtrField<v1::AuditEvent>& events) {
  Table table({{.header = "REVISION"},
               {.header = "TIME", .dispensable = 1},
               {.header = "ACTION"},
               // Stays: without it a refused call looks like one that was made.
               {.header = "RESULT", .min_width = 14},
               {.header = "ACTOR", .min_width = 12},
               {.header = "PROJECT", .min_width = 8, .dispensable = 4},
               {.header = "KEY", .dispensable = 2},
               {.header = "PEER", .min_width = 9, .dispensable = 5}});
  for (const v1::AuditEvent& event : events) {
    table.AddRow({{.text = fmt::format("{}", event.revision())},
                  {.text = FormatRfc3339(FromProto(event.time()))},
                  {.text = event.action()},
                  {.text = ResultOf(event), .tone = ToneOf(event)},
                  {.text = event.actor()},
                  {.text = event.project_id()},
                  {.text = event.key_id()},
                  {.text = event.peer()}});
  }
  return table;
}

std::string AuditLineHeader() {
  return InAuditColumns("TIME", "REVISION", "ACTION", "WHO AND WHAT");
}

std::string AuditLine(const v1::AuditEvent& event, bool color) {
  std::string rest = EscapeForTerminal(event.actor());
  if (!event.peer().empty()) rest += " from " + EscapeForTerminal(event.peer());
  if (!event.project_id().empty()) rest += " project " + EscapeForTerminal(event.project_id());
  if (!event.key_id().empty()) rest += " key " + EscapeForTerminal(event.key_id());
  const std::string result = EscapeForTerminal(ResultOf(event));
  if (!result.empty()) rest += " " + Painted(result, ToneOf(event), color);
  return InAuditColumns(FormatRfc3339(FromProto(event.time())), fmt::format("{}", event.revision()),
                        EscapeForTerminal(event.action()), rest);
}

}  // namespace claviger::cli
