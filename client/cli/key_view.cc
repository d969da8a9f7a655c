#include "client/cli/key_view.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "client/cli/enum_text.h"
#include "client/cli/time_text.h"

namespace claviger::cli {
namespace {

std::string RelativeExpiry(const v1::Key& key, absl::Time now) {
  return key.has_expire_time() ? FormatRelative(FromProto(key.expire_time()), now) : "never";
}

std::string RelativeLastUse(const v1::Key& key, absl::Time now) {
  // What was counted goes with the seconds before it: a use is not in the future.
  if (!key.has_last_used_time()) return "-";
  return FormatRelative(std::min(FromProto(key.last_used_time()), now), now);
}

// `2030-01-31T12:00:00Z (2 h ago) from 192.0.2.7 by key:00Yx…`.
std::string LastUseText(const v1::Key& key, absl::Time now) {
  std::string text = FormatMoment(key.last_used_time(), now);
  if (!key.last_used_address().empty()) text += " from " + key.last_used_address();
  if (!key.last_used_by().empty()) text += " by " + key.last_used_by();
  return text;
}

// Whether another key has taken its place, and whether anybody has not noticed.
std::string ReplacedText(const v1::Key& key) {
  if (key.rotated_to().empty()) return "";
  return key.used_since_rotation() ? "still used" : "yes";
}

void AddTimes(const v1::Key& key, absl::Time now, FieldList& fields) {
  const auto add = [&](std::string_view name, bool is_set, const auto& time) {
    if (is_set) fields.Add(name, FormatMoment(time, now));
  };
  add("created", key.has_create_time(), key.create_time());
  fields.Add("created by", key.created_by());
  add("updated", key.has_update_time(), key.update_time());
  if (!key.has_expire_time()) fields.Add("expires", "never");
  add("expires", key.has_expire_time(), key.expire_time());
  if (key.has_last_used_time()) fields.Add("last used", LastUseText(key, now));
  add("rotated", key.has_rotate_time(), key.rotate_time());
  if (key.has_pending_grace()) {
    fields.Add("grace", fmt::format("{}, from the first use of the new key on",
                                    FormatLength(FromProto(key.pending_grace()))));
  }
  add("revoked", key.has_revoke_time(), key.revoke_time());
  if (key.has_revoke_time()) {
    fields.Add("reason", EnumLabel(key.revoke_reason()));
    fields.Add("note", key.revoke_note());
  }
  add("deleted", key.has_delete_time(), key.delete_time());
  add("purged", key.has_purge_time(), key.purge_time());
}

}  // namespace

Table KeyTable(const google::protobuf::RepeatedPtrField<v1::Key>& keys, absl::Time now,
               const KeyColumns& wanted) {
  std::vector<Column> columns = {
      {.header = "KEY ID"},
      {.header = "NAME", .min_width = 8},
      {.header = "STATE"},
      {.header = "PROJECT", .min_width = 8, .dispensable = 2},
      {.header = "SCOPES", .min_width = 12, .dispensable = 5},
      {.header = "OWNER", .min_width = 8, .dispensable = wanted.keep_owner ? 0 : 6},
      {.header = "ENV", .dispensable = 7},
      {.header = "CREATED", .dispensable = 4},
      {.header = "LAST USED", .dispensable = wanted.keep_last_used ? 0 : 3},
      {.header = "EXPIRES", .dispensable = 1}};
  // Most lists have no replaced keys.
  const bool with_replaced = std::any_of(
      keys.begin(), keys.end(), [](const v1::Key& key) { return !key.rotated_to().empty(); });
  if (with_replaced) columns.push_back({.header = "REPLACED"});
  if (wanted.usage) {
    columns.push_back({.header = "GOOD/24H"});
    columns.push_back({.header = "DENIED/24H"});
  }
  Table table(std::move(columns));
  for (const v1::Key& key : keys) {
    std::vector<Cell> cells = {{key.key_id()},
                               {key.display_name()},
                               {EnumLabel(key.state()), ToneOf(key.state())},
                               {key.project_id()},
                               {JoinOrNone(key.scopes())},
                               {key.owner()},
                               {key.environment() == v1::ENVIRONMENT_TEST ? "test" : "live"},
                               {FormatRelative(FromProto(key.create_time()), now)},
                               {RelativeLastUse(key, now)},
                               {RelativeExpiry(key, now)}};
    if (with_replaced) {
      cells.push_back(
          {ReplacedText(key), key.used_since_rotation() ? Tone::kCaution : Tone::kPlain});
    }
    if (wanted.usage) {
      const int64_t denied = key.recent_denied_count();
      cells.push_back({fmt::format("{}", key.recent_valid_count())});
      cells.push_back({fmt::format("{}", denied), denied > 0 ? Tone::kCaution : Tone::kPlain});
    }
    table.AddRow(std::move(cells));
  }
  return table;
}

FieldList KeyFields(const v1::Key& key, absl::Time now) {
  FieldList fields;
  fields.Add("key id", key.key_id());
  fields.Add("key", key.masked_key());
  fields.Add("project", key.project_id());
  fields.Add("name", key.display_name());
  fields.Add("description", key.description());
  if (key.imported()) fields.Add("made", "elsewhere; imported by its digest");
  fields.Add("state", EnumLabel(key.state()), ToneOf(key.state()));
  fields.Add("environment", key.environment() == v1::ENVIRONMENT_TEST ? "test" : "live");
  fields.Add("scopes", JoinOrNone(key.scopes()));
  fields.Add("addresses", AddressesText(key));
  fields.Add("owner", key.owner());
  fields.Add("labels", JoinLabels(key.labels()));
  fields.Add("metadata", MetadataText(key.metadata()));
  if (!key.bound_project_ids().empty()) {
    fields.Add("acts in", JoinOrNone(key.bound_project_ids()));
  }
  AddTimes(key, now, fields);
  fields.Add("replaces", key.rotated_from());
  fields.Add("replaced by", key.rotated_to());
  if (key.used_since_rotation()) {
    fields.Add("still in use", "a check has found it good since it was replaced", Tone::kCaution);
  }
  if (key.revision() > 0) fields.Add("revision", fmt::format("{}", key.revision()));
  return fields;
}

std::string RemainingLife(const v1::Key& key, absl::Time now) {
  switch (key.state()) {
    case v1::KEY_STATE_REVOKED:
    case v1::KEY_STATE_DELETED:
      return fmt::format("{} is revoked", key.key_id());
    case v1::KEY_STATE_EXPIRED:
      return fmt::format("{} has expired", key.key_id());
    default:
      break;
  }
  const std::string until =
      key.has_expire_time() ? " until " + FormatMoment(key.expire_time(), now) : "";
  if (!key.has_pending_grace()) return fmt::format("{} works{}", key.key_id(), until);
  const absl::Duration grace = FromProto(key.pending_grace());
  const std::string afterwards = grace == absl::ZeroDuration()
                                     ? "is revoked then"
                                     : fmt::format("for {} more then", FormatLength(grace));
  return fmt::format("{} works until the new one is first used, {}{}", key.key_id(), afterwards,
                     until.empty() ? "" : "; at the longest" + until);
}

std::string MetadataText(const google::protobuf::Struct& metadata) {
  std::string json;
  if (metadata.fields().empty()) return json;
  const auto status = google::protobuf::util::MessageToJsonString(metadata, &json);
  return status.ok() ? json : status.ToString();
}

std::string AddressesText(const v1::Key& key) {
  return key.allowed_cidrs().empty() ? "any" : JoinOrNone(key.allowed_cidrs());
}

Tone ToneOf(v1::KeyState state) {
  switch (state) {
    case v1::KEY_STATE_ACTIVE:
      return Tone::kGood;
    case v1::KEY_STATE_DISABLED:
    case v1::KEY_STATE_EXPIRED:
      return Tone::kCaution;
    case v1::KEY_STATE_REVOKED:
    case v1::KEY_STATE_DELETED:
      return Tone::kBad;
    default:
      return Tone::kPlain;
  }
}

std::string JoinOrNone(const google::protobuf::RepeatedPtrField<std::string>& texts) {
  return texts.empty() ? "none" : fmt::format("{}", fmt::join(texts, ", "));
}

std::string JoinLabels(const google::protobuf::Map<std::string, std::string>& labels) {
  std::string text;
  for (const auto& [key, value] : std::map(labels.begin(), labels.end())) {
    if (!text.empty()) text += ", ";
    text += fmt::format("{}={}", key, value);
  }
  return text;
}

std::string FormatMoment(const google::protobuf::Timestamp& time, absl::Time now) {
  const absl::Time moment = FromProto(time);
  return fmt::format("{} ({})", FormatRfc3339(moment), FormatRelative(moment, now));
}

}  // namespace claviger::cli
