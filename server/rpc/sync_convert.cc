#include "server/rpc/sync_convert.h"

#include <algorithm>
#include <variant>

#include "core/digest.h"
#include "core/text.h"
#include "fmt/format.h"
#include "server/rpc/answers.h"
#include "server/rpc/field_errors.h"
#include "server/rpc/request_fields.h"

namespace claviger {
namespace {

static_assert(static_cast<int>(sync::ResetReason::kTooSlow) == v1::SYNC_RESET_REASON_TOO_SLOW);
static_assert(static_cast<int>(sync::ResetReason::kHistoryTrimmed) ==
              v1::SYNC_RESET_REASON_HISTORY_TRIMMED);
static_assert(static_cast<int>(sync::ResetReason::kEpochChanged) ==
              v1::SYNC_RESET_REASON_EPOCH_CHANGED);
static_assert(static_cast<int>(sync::ResetReason::kCallerChanged) ==
              v1::SYNC_RESET_REASON_CALLER_CHANGED);

// Writes one message of the authority into the response.
class Writer {
 public:
  explicit Writer(v1::SyncResponse& out) : out_(out) {}

  void operator()(const sync::Welcome& welcome) {
    v1::SyncWelcome& out = *out_.mutable_welcome();
    out.set_epoch(welcome.epoch.ToBytes());
    out.set_head_revision(welcome.head_revision.value);
    out.set_resumed(welcome.resumed);
    FillDuration(welcome.lease, *out.mutable_lease());
    FillDuration(welcome.beat_interval, *out.mutable_beat_interval());
    out.set_imported_keys(welcome.imported_keys);
    out.set_all_projects(!welcome.projects.has_value());
    if (welcome.projects.has_value()) {
      for (const std::string& id : *welcome.projects) out.add_project_ids(id);
    }
  }

  void operator()(const sync::Invalidation& invalidation) {
    v1::SyncInvalidation& out = *out_.mutable_invalidation();
    out.set_previous_revision(invalidation.previous_revision.value);
    out.set_to_revision(invalidation.to_revision.value);
    out.set_imported_keys(invalidation.imported_keys);
    for (const sync::Item& item : invalidation.items) Fill(item, *out.add_items());
  }

  void operator()(const sync::Grant& grant) {
    v1::SyncGrant& out = *out_.mutable_grant();
    out.set_beat_id(grant.beat_id);
    out.set_up_to_revision(grant.up_to_revision.value);
    FillDuration(grant.lease, *out.mutable_lease());
  }

  void operator()(const sync::Reset& reset) {
    out_.mutable_reset()->set_to_revision(reset.to_revision.value);
    out_.mutable_reset()->set_why(static_cast<v1::SyncResetReason>(reset.why));
  }

  void operator()(const sync::GoAway& go_away) {
    FillDuration(go_away.reconnect_after, *out_.mutable_go_away()->mutable_reconnect_after());
  }

 private:
  static void Fill(const sync::Item& item, v1::SyncItem& out) {
    if (const auto* key = std::get_if<sync::KeyItem>(&item)) {
      out.set_key_id(key->id.ToString());
    } else if (const auto* project = std::get_if<sync::ProjectItem>(&item)) {
      out.set_project_id(project->id);
    } else {
      out.set_all(true);
    }
  }

  v1::SyncResponse& out_;
};

}  // namespace

absl::StatusOr<sync::Hello> ToHello(const v1::SyncHello& hello, absl::Duration max_stale_on_error) {
  FieldErrors errors;
  sync::Hello out;
  if (hello.session_id().size() != out.session_id.size()) {
    errors.Add("hello.session_id", "must be 16 random bytes");
  } else {
    std::copy(hello.session_id().begin(), hello.session_id().end(), out.session_id.begin());
  }
  if (!hello.epoch().empty()) {
    absl::StatusOr<Epoch> epoch = Epoch::FromBytes(hello.epoch());
    if (epoch.ok()) {
      out.epoch = *epoch;
    } else {
      errors.Add("hello.epoch", "must be empty or 16 bytes");
    }
  }
  out.resume_revision = Revision{hello.resume_revision()};
  out.project_ids = field::ReadProjectIds("hello.project_ids", hello.project_ids(), errors);
  out.stale_on_error = field::ReadDuration("hello.stale_on_error", hello.stale_on_error(), errors);
  if (out.stale_on_error < absl::ZeroDuration() || out.stale_on_error > max_stale_on_error) {
    errors.Add("hello.stale_on_error",
               fmt::format("must be 0 to {}", absl::FormatDuration(max_stale_on_error)));
  }
  out.client = field::ReadText("hello.client", hello.client(), kMaxNameCharacters, errors);
  out.observer = hello.observer();
  if (!errors.ok()) return errors.ToStatus();
  return out;
}

sync::Beat ToBeat(const v1::SyncBeat& beat) {
  return {.beat_id = beat.beat_id(), .acked_revision = Revision{beat.acked_revision()}};
}

v1::SyncResponse ToProto(const sync::FromAuthority& message) {
  v1::SyncResponse out;
  std::visit(Writer(out), message);
  return out;
}

void FillSessions(const sync::SessionList& list, v1::ListSessionsResponse& out) {
  constexpr int kMaxSessions = 10'000;
  out.set_head_revision(list.head.value);
  for (const bool connected : {true, false}) {
    for (const sync::OwnedSession& session : list.sessions) {
      if (session.info.connected != connected || out.sessions_size() == kMaxSessions) continue;
      v1::VerifierSession& to = *out.add_sessions();
      to.set_session_id(
          ToHex({reinterpret_cast<const char*>(session.info.id.data()), session.info.id.size()}));
      to.set_client(session.info.client);
      to.set_caller(session.caller);
      to.set_peer(session.peer);
      to.set_connected(connected);
      to.set_observer(session.info.observer);
      to.set_position(session.info.position.value);
      if (session.info.lease_left > absl::ZeroDuration()) {
        FillDuration(session.info.lease_left, *to.mutable_lease_left());
      }
    }
  }
}

}  // namespace claviger
