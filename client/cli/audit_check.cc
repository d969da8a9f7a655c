#include "client/cli/audit_check.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "client/cli/json_input.h"
#include "client/cli/time_text.h"

namespace claviger::cli {
namespace {

AuditEntry EntryOf(const v1::AuditEvent& event, const Sha256Bytes& previous_hash) {
  return {.revision = {event.revision()},
          .time = FromProto(event.time()),
          .draft = {.actor = event.actor(),
                    .peer = event.peer(),
                    .action = event.action(),
                    .project_id = event.project_id(),
                    .key_id = event.key_id(),
                    .detail = event.detail(),
                    .refusal = event.refusal()},
          .previous_hash = previous_hash};
}

// Whether `object` gives a field of `message` by both of its names, e.g. keyId and key_id.
bool GivesAFieldTwice(const google::protobuf::Struct& object,
                      const google::protobuf::Message& message) {
  std::set<const google::protobuf::FieldDescriptor*> given;
  for (const auto& [name, value] : object.fields()) {
    const auto* field = message.GetDescriptor()->FindFieldByName(name);
    if (field == nullptr) field = message.GetDescriptor()->FindFieldByCamelcaseName(name);
    if (field != nullptr && !given.insert(field).second) return true;
  }
  return false;
}

// A field that comes twice is none: only one of the two would be checked, and another reader may
// believe the other.
bool ParseLine(const std::string& line, google::protobuf::Message& message) {
  const absl::StatusOr<google::protobuf::Struct> object = ParseJsonObject(line);
  return object.ok() && !GivesAFieldTwice(*object, message) &&
         google::protobuf::util::JsonStringToMessage(line, &message).ok();
}

}  // namespace

std::string AuditHeadLine(const v1::ListAuditEventsResponse& head) {
  return fmt::format("{{\"headRevision\":\"{}\",\"headHash\":\"{}\"}}\n", head.head_revision(),
                     absl::Base64Escape(head.head_hash()));
}

void AuditCheck::Fail(std::string what) {
  if (failure_.empty() && !chain_.FaultAgainst(std::nullopt).has_value()) {
    failure_ = std::move(what);
  }
}

void AuditCheck::AddEvent(const v1::AuditEvent& event) {
  ++entries_;
  if (event.hash().empty() && event.previous_hash().empty()) {
    if (without_hashes_++ == 0) first_without_hashes_ = event.revision();
    return;
  }
  Sha256Bytes previous{};
  Sha256Bytes hash{};
  if (!FromBytes(event.previous_hash(), previous) || !FromBytes(event.hash(), hash)) {
    Fail(fmt::format("revision {}: the entry was edited: its hashes do not have 32 bytes",
                     event.revision()));
    return;
  }
  chain_.Add(EntryOf(event, previous), hash);
  if (kept_.has_value() && chain_.head().revision == kept_->revision) {
    hash_at_kept_ = chain_.head().hash;
  }
}

void AuditCheck::SetHead(const v1::ListAuditEventsResponse& head) {
  if (head.head_revision() == 0 && head.head_hash().empty()) {
    partial_head_ = true;
    return;
  }
  AuditHead end{.revision = {head.head_revision()}, .hash = {}};
  if (!FromBytes(head.head_hash(), end.hash)) {
    Fail("the line with the end of the log was edited: its hash does not have 32 bytes");
    return;
  }
  end_ = end;
}

void AuditCheck::AddLine(const std::string& line) {
  ++lines_;
  if (end_.has_value()) {
    Fail(fmt::format("line {} stands behind the line with the end of the log", lines_));
    return;
  }
  v1::AuditEvent event;
  v1::ListAuditEventsResponse head;
  if (ParseLine(line, event)) {
    AddEvent(event);
  } else if (ParseLine(line, head) && head.events().empty() && head.next_page_token().empty()) {
    SetHead(head);
  } else {
    Fail(fmt::format("revision {}: the entry was edited: line {} is not one of an audit log",
                     chain_.head().revision.value + 1, lines_));
  }
}

AuditCheck::Verdict AuditCheck::Finish() const {
  Verdict verdict{
      .outcome = Outcome::kBroken, .what = "", .entries = entries_, .head = chain_.head()};
  if (partial_head_ && without_hashes_ == entries_) {
    verdict.outcome = Outcome::kNotCheckable;
    verdict.what =
        "it was read by a caller that is bound to projects, who gets the entries about those and "
        "no hashes: what lies between them cannot be checked; use a caller that is not bound";
    return verdict;
  }
  if (!failure_.empty()) {
    verdict.what = failure_;
  } else if (without_hashes_ > 0) {
    verdict.what = fmt::format("revision {}: the entry was edited: its hashes were taken out",
                               first_without_hashes_);
  } else if (const auto fault = chain_.FaultAgainst(end_); fault.has_value()) {
    verdict.what = fault->what;
  } else if (!end_.has_value()) {
    verdict.what = fmt::format("revision {}: cut off: the line with the end of the log is missing",
                               chain_.head().revision.value + 1);
  } else if (kept_.has_value() && kept_->revision > chain_.head().revision) {
    verdict.what =
        fmt::format("revision {}: cut off at the end: the log once went on to revision {}",
                    chain_.head().revision.value + 1, kept_->revision.value);
  } else if (kept_.has_value() && hash_at_kept_ != kept_->hash) {
    verdict.what = fmt::format(
        "revision {}: the hash is not the one that was kept: this entry, or one before it, was "
        "replaced together with all that follow",
        kept_->revision.value);
  } else {
    verdict.outcome = Outcome::kWhole;
  }
  return verdict;
}

}  // namespace claviger::cli
