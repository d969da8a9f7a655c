#include "client/src/sync_convert.h"

#include <optional>
#include <variant>

#include "client/src/proto_time.h"

namespace claviger::client {
namespace {

// Writes one message of the verifier into the request.
class Writer {
 public:
  explicit Writer(v1::SyncRequest& out) : out_(out) {}

  void operator()(const sync::Hello& hello) {
    v1::SyncHello& out = *out_.mutable_hello();
    out.set_session_id(hello.session_id.data(), hello.session_id.size());
    // All zero: no position yet.
    if (hello.epoch != Epoch()) {
      out.set_epoch(hello.epoch.ToBytes());
      out.set_resume_revision(hello.resume_revision.value);
    }
    for (const std::string& id : hello.project_ids) out.add_project_ids(id);
    FillDuration(hello.stale_on_error, *out.mutable_stale_on_error());
    out.set_client(hello.client);
    out.set_observer(hello.observer);
  }

  void operator()(const sync::Beat& beat) {
    out_.mutable_beat()->set_beat_id(beat.beat_id);
    out_.mutable_beat()->set_acked_revision(beat.acked_revision.value);
    for (const sync::KeyUse& use : beat.usage) Fill(use, *out_.mutable_beat()->add_usage());
  }

 private:
  static void Fill(const sync::KeyUse& use, v1::KeyUsage& out) {
    out.set_key_id(use.id.ToString());
    out.set_valid_count(use.valid);
    out.set_insufficient_scope_count(use.insufficient_scope);
    out.set_address_not_allowed_count(use.address_not_allowed);
    out.set_other_denied_count(use.other_denied);
    if (use.last_used_ago.has_value()) {
      FillDuration(*use.last_used_ago, *out.mutable_last_used_ago());
    }
    out.set_last_used_address(use.last_used_address);
  }

  v1::SyncRequest& out_;
};

absl::StatusOr<sync::Welcome> ReadWelcome(const v1::SyncWelcome& welcome) {
  const absl::StatusOr<Epoch> epoch = Epoch::FromBytes(welcome.epoch());
  if (!epoch.ok()) return epoch.status();
  return sync::Welcome{.epoch = *epoch,
                       .head_revision = Revision{welcome.head_revision()},
                       .resumed = welcome.resumed(),
                       .lease = ReadDuration(welcome.lease()),
                       .beat_interval = ReadDuration(welcome.beat_interval()),
                       .imported_keys = welcome.imported_keys()};
}

sync::Item ReadItem(const v1::SyncItem& item) {
  if (item.has_project_id()) return sync::ProjectItem{item.project_id()};
  if (item.has_key_id()) {
    if (const std::optional<KeyId> id = KeyId::Parse(item.key_id())) return sync::KeyItem{*id};
  }
  return sync::AllItem();
}

sync::Invalidation ReadInvalidation(const v1::SyncInvalidation& invalidation) {
  sync::Invalidation out{.previous_revision = Revision{invalidation.previous_revision()},
                         .to_revision = Revision{invalidation.to_revision()},
                         .items = {},
                         .imported_keys = invalidation.imported_keys()};
  out.items.reserve(static_cast<size_t>(invalidation.items_size()));
  for (const v1::SyncItem& item : invalidation.items()) out.items.push_back(ReadItem(item));
  return out;
}

}  // namespace

v1::SyncRequest ToProto(const sync::FromVerifier& message) {
  v1::SyncRequest out;
  std::visit(Writer(out), message);
  return out;
}

absl::StatusOr<sync::FromAuthority> FromProto(const v1::SyncResponse& response) {
  switch (response.message_case()) {
    case v1::SyncResponse::kWelcome: {
      absl::StatusOr<sync::Welcome> welcome = ReadWelcome(response.welcome());
      if (!welcome.ok()) return welcome.status();
      return *std::move(welcome);
    }
    case v1::SyncResponse::kInvalidation:
      return ReadInvalidation(response.invalidation());
    case v1::SyncResponse::kGrant:
      return sync::Grant{.beat_id = response.grant().beat_id(),
                         .up_to_revision = Revision{response.grant().up_to_revision()},
                         .lease = ReadDuration(response.grant().lease())};
    case v1::SyncResponse::kReset:
      return sync::Reset{.to_revision = Revision{response.reset().to_revision()},
                         .why = static_cast<sync::ResetReason>(response.reset().why())};
    case v1::SyncResponse::kGoAway:
      return sync::GoAway{.reconnect_after = ReadDuration(response.go_away().reconnect_after())};
    case v1::SyncResponse::MESSAGE_NOT_SET:
      break;
  }
  // It may be an invalidation of a kind that came after this client.
  return absl::InvalidArgumentError("a message of an unknown kind");
}

}  // namespace claviger::client
