#include "client/cli/watch_feed.h"

#include <algorithm>
#include <utility>

#include "client/cli/time_text.h"

namespace claviger::cli {
namespace {

// A server cannot send us away for longer.
constexpr absl::Duration kMaxComeBack = absl::Seconds(60);

WatchEvent ToEvent(const v1::SyncItem& item, uint64_t revision) {
  switch (item.item_case()) {
    case v1::SyncItem::kKeyId:
      return {.what = WatchEvent::What::kKey, .id = item.key_id(), .revision = revision};
    case v1::SyncItem::kProjectId:
      return {.what = WatchEvent::What::kProject, .id = item.project_id(), .revision = revision};
    default:
      // What this build does not know may be anything, as for a verifier.
      return {.what = WatchEvent::What::kAll, .revision = revision};
  }
}

}  // namespace

WatchFeed::WatchFeed(v1::SyncHello hello) : hello_(std::move(hello)) { hello_.set_observer(true); }

v1::SyncRequest WatchFeed::Hello() {
  welcome_.reset();
  beats_ = 0;
  v1::SyncRequest request;
  *request.mutable_hello() = hello_;
  request.mutable_hello()->set_epoch(epoch_);
  request.mutable_hello()->set_resume_revision(position_);
  return request;
}

absl::StatusOr<WatchFeed::Heard> WatchFeed::OnMessage(const v1::SyncResponse& message) {
  Heard heard;
  if (message.has_go_away()) {
    heard.come_back = std::clamp(FromProto(message.go_away().reconnect_after()),
                                 absl::ZeroDuration(), kMaxComeBack);
    return heard;
  }
  if (message.has_welcome() == welcome_.has_value()) {
    return absl::InternalError("the server's messages are not in the order of the protocol");
  }
  switch (message.message_case()) {
    case v1::SyncResponse::kWelcome:
      Hear(message.welcome(), heard);
      break;
    case v1::SyncResponse::kInvalidation:
      Hear(message.invalidation(), heard);
      break;
    case v1::SyncResponse::kReset:
      MissUpTo(message.reset().to_revision(), heard);
      break;
    default:
      return heard;  // a lease, which an observer has no use for, or what this build does not know
  }
  heard.answer = NextBeat();
  return heard;
}

void WatchFeed::Hear(const v1::SyncWelcome& welcome, Heard& heard) {
  welcome_ = welcome;
  const bool first = epoch_.empty();
  const bool same_history = epoch_ == welcome.epoch();
  epoch_ = welcome.epoch();
  if (welcome.resumed() && same_history) return;
  if (first || (same_history && welcome.head_revision() == position_)) {
    position_ = welcome.head_revision();
    return;
  }
  MissUpTo(welcome.head_revision(), heard);
}

void WatchFeed::Hear(const v1::SyncInvalidation& invalidation, Heard& heard) {
  if (invalidation.previous_revision() != position_) {
    MissUpTo(invalidation.previous_revision(), heard);
  }
  position_ = invalidation.to_revision();
  for (const v1::SyncItem& item : invalidation.items()) {
    heard.events.push_back(ToEvent(item, position_));
  }
}

void WatchFeed::MissUpTo(uint64_t revision, Heard& heard) {
  heard.events.push_back(
      {.what = WatchEvent::What::kReset, .revision = revision, .since = position_});
  position_ = revision;
}

v1::SyncRequest WatchFeed::NextBeat() {
  v1::SyncRequest request;
  request.mutable_beat()->set_beat_id(++beats_);
  request.mutable_beat()->set_acked_revision(position_);
  return request;
}

}  // namespace claviger::cli
