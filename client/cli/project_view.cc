#include "client/cli/project_view.h"

#include <fmt/format.h>

#include <string>

#include "client/cli/key_view.h"
#include "client/cli/time_text.h"

namespace claviger::cli {
namespace {

std::string PolicyText(const v1::ProjectPolicy& policy) {
  std::string text;
  const auto add = [&text](const std::string& rule) { text += (text.empty() ? "" : ", ") + rule; };
  if (policy.has_max_key_ttl()) {
    add("keys live at most " + FormatLength(FromProto(policy.max_key_ttl())));
  }
  if (policy.has_default_key_ttl()) {
    add(FormatLength(FromProto(policy.default_key_ttl())) + " unless said otherwise");
  }
  if (policy.require_expiry()) add("keys must expire");
  if (policy.allowed_cidrs_required()) add("keys must be limited to addresses");
  return text.empty() ? "none" : text;
}

}  // namespace

Table ProjectTable(const google::protobuf::RepeatedPtrField<v1::Project>& projects,
                   absl::Time now) {
  Table table({{.header = "PROJECT", .min_width = 12},
               {.header = "NAME", .min_width = 8},
               {.header = "PREFIX", .dispensable = 2},
               {.header = "SCOPES", .min_width = 12, .dispensable = 3},
               {.header = "POLICY", .min_width = 12, .dispensable = 4},
               {.header = "CREATED", .dispensable = 1}});
  for (const v1::Project& project : projects) {
    table.AddRow({{project.project_id()},
                  {project.display_name()},
                  {project.key_prefix()},
                  {project.scope_catalog().empty() ? "any" : JoinOrNone(project.scope_catalog())},
                  {PolicyText(project.policy())},
                  {FormatRelative(FromProto(project.create_time()), now)}});
  }
  return table;
}

FieldList ProjectFields(const v1::Project& project, absl::Time now) {
  FieldList fields;
  fields.Add("project", project.project_id());
  fields.Add("name", project.display_name());
  fields.Add("key prefix", project.key_prefix());
  fields.Add("scopes",
             project.scope_catalog().empty() ? "any" : JoinOrNone(project.scope_catalog()));
  fields.Add("policy", PolicyText(project.policy()));
  if (project.has_create_time()) fields.Add("created", FormatMoment(project.create_time(), now));
  if (project.has_update_time()) fields.Add("updated", FormatMoment(project.update_time(), now));
  fields.Add("revision", fmt::format("{}", project.revision()));
  return fields;
}

}  // namespace claviger::cli
