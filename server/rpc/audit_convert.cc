#include "server/rpc/audit_convert.h"

#include <algorithm>
#include <string>
#include <utility>

#include "fmt/format.h"
#include "server/rpc/answers.h"
#include "server/rpc/request_fields.h"
#include "server/rpc/wire.h"

namespace claviger {
namespace {

constexpr int kMaxActions = 64;
constexpr size_t kMaxActionLength = 64;
// A subject alternative name can be longer than other names.
constexpr size_t kMaxActorCharacters = 512;

bool IsActionName(const std::string& text) {
  return !text.empty() && text.size() <= kMaxActionLength &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
         });
}

AuditFilter ReadFilter(const v1::AuditFilter& filter, FieldErrors& errors) {
  AuditFilter read;
  read.project_ids = field::ReadProjectIds("filter.project_ids", filter.project_ids(), errors);
  if (!filter.key_id().empty()) {
    read.key_id = field::ReadKeyId("filter.key_id", filter.key_id(), errors).ToString();
  }
  read.actor = field::ReadText("filter.actor", filter.actor(), kMaxActorCharacters, errors);
  if (filter.actions_size() > kMaxActions) {
    errors.Add("filter.actions", fmt::format("must be at most {} names", kMaxActions));
  }
  for (int i = 0; i < std::min(filter.actions_size(), kMaxActions); ++i) {
    if (!IsActionName(filter.actions(i))) {
      errors.Add(fmt::format("filter.actions[{}]", i),
                 fmt::format("must be the name of an RPC: letters and digits, at most {}",
                             kMaxActionLength));
    }
    read.actions.push_back(filter.actions(i));
  }
  if (filter.has_start_time()) {
    read.start_time = field::ReadTime("filter.start_time", filter.start_time(), errors);
  }
  if (filter.has_end_time()) {
    read.end_time = field::ReadTime("filter.end_time", filter.end_time(), errors);
  }
  if (read.start_time.has_value() && read.end_time.has_value() &&
      *read.end_time <= *read.start_time) {
    errors.Add("filter.end_time", "must be after filter.start_time");
  }
  read.refused_only = filter.refused_only();
  return read;
}

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

}  // namespace

absl::StatusOr<AuditListParams> ToAuditListParams(const v1::ListAuditEventsRequest& request) {
  FieldErrors errors;
  AuditListParams params;
  params.filter = ReadFilter(request.filter(), errors);
  params.oldest_first = request.oldest_first();
  params.page_size = field::ReadPageSize("page_size", request.page_size(), errors);
  params.page_token = request.page_token();
  v1::ListAuditEventsRequest arguments = request;
  arguments.clear_page_token();
  arguments.clear_page_size();
  params.arguments_hash = HashMessage(arguments);
  if (!errors.ok()) return errors.ToStatus();
  return params;
}

absl::StatusOr<AuditFilter> ToAuditFilter(const v1::WatchAuditEventsRequest& request) {
  FieldErrors errors;
  AuditFilter filter = ReadFilter(request.filter(), errors);
  if (request.filter().has_end_time()) {
    errors.Add("filter.end_time", "must be unset: a watch has no end");
  }
  if (request.from_now() && request.after_revision() != 0) {
    errors.Add("after_revision", "must be 0 with from_now");
  }
  if (!errors.ok()) return errors.ToStatus();
  return filter;
}

std::optional<HashedAuditEntry> FromAuditEvent(const v1::AuditEvent& event) {
  HashedAuditEntry read{.entry = {.revision = {event.revision()},
                                  .time = ToTime(event.time()),
                                  .draft = {.actor = event.actor(),
                                            .peer = event.peer(),
                                            .action = event.action(),
                                            .project_id = event.project_id(),
                                            .key_id = event.key_id(),
                                            .detail = event.detail(),
                                            .refusal = event.refusal()},
                                  .previous_hash = {}},
                        .hash = {}};
  if (!FromBytes(event.previous_hash(), read.entry.previous_hash) ||
      !FromBytes(event.hash(), read.hash)) {
    return std::nullopt;
  }
  return read;
}

void FillAuditEvent(const AuditEntry& entry, bool with_hashes, v1::AuditEvent& out) {
  out.set_revision(entry.revision.value);
  FillTime(entry.time, *out.mutable_time());
  out.set_actor(entry.draft.actor);
  out.set_peer(entry.draft.peer);
  out.set_action(entry.draft.action);
  out.set_project_id(entry.draft.project_id);
  out.set_key_id(entry.draft.key_id);
  out.set_detail(entry.draft.detail);
  out.set_refusal(entry.draft.refusal);
  if (!with_hashes) return;
  out.set_previous_hash(std::string(AsBytes(entry.previous_hash)));
  out.set_hash(std::string(AsBytes(HashAuditEntry(entry))));
}

}  // namespace claviger
