#include "client/src/sync_client.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

namespace claviger::client {
namespace {

// The range of the first delay; it doubles with each failure up to kMaxBackoff.
constexpr absl::Duration kFirstBackoff = absl::Milliseconds(300);

constexpr absl::Duration kMinBeatInterval = absl::Milliseconds(10);

ToldProjects Sorted(const std::optional<std::vector<std::string>>& projects) {
  if (!projects.has_value()) return nullptr;
  auto sorted = std::make_shared<std::vector<std::string>>(*projects);
  std::sort(sorted->begin(), sorted->end());
  return sorted;
}

}  // namespace

SyncClient::SyncClient(Options options, RandomSource& random, const SyncRules& rules)
    : options_(std::move(options)), random_(random), rules_(rules) {}

SyncActions SyncClient::Start() {
  SyncActions actions;
  Reconnect(absl::ZeroDuration(), actions);
  return actions;
}

SyncActions SyncClient::OnConnected(ConnectionId connection, absl::Duration now) {
  SyncActions actions;
  if (connection != connection_ || state_ != SyncState::kWaiting) return actions;
  state_ = SyncState::kGreeting;
  last_heard_ = now;
  actions.push_back(Send{sync::Hello{.session_id = options_.session_id,
                                     .epoch = epoch_.value_or(Epoch()),
                                     .resume_revision = epoch_ ? position_ : Revision(),
                                     .project_ids = options_.project_ids,
                                     .stale_on_error = options_.stale_on_error,
                                     .client = options_.client,
                                     .observer = false}});
  UpdateTimer(actions);
  return actions;
}

SyncActions SyncClient::OnMessage(ConnectionId connection, const sync::FromAuthority& message,
                                  absl::Duration now) {
  SyncActions actions;
  if (connection != connection_ || state_ == SyncState::kWaiting) return actions;
  last_heard_ = now;
  // Welcome comes first and once; a farewell may come at any time.
  const bool is_welcome = std::holds_alternative<sync::Welcome>(message);
  const bool in_order = is_welcome == (state_ == SyncState::kGreeting) ||
                        std::holds_alternative<sync::GoAway>(message);
  if (in_order) {
    std::visit([&](const auto& typed) { Handle(typed, now, actions); }, message);
  } else {
    BackOff(actions);
  }
  UpdateTimer(actions);
  return actions;
}

SyncActions SyncClient::OnDisconnected(ConnectionId connection, absl::Duration /*now*/) {
  SyncActions actions;
  if (connection != connection_) return actions;
  BackOff(actions);
  UpdateTimer(actions);
  return actions;
}

SyncActions SyncClient::OnTimer(absl::Duration now) {
  SyncActions actions;
  timer_ = absl::InfiniteDuration();  // it has fired: set again below, even for the same time
  if (state_ != SyncState::kWaiting && now >= SilentUntil()) {
    BackOff(actions);
  } else if (state_ == SyncState::kFollowing && now >= next_beat_) {
    SendBeat(now, /*may_report=*/true, actions);
  }
  UpdateTimer(actions);
  return actions;
}

SyncActions SyncClient::BeatOnceMore(absl::Duration now) {
  SyncActions actions;
  if (state_ != SyncState::kFollowing) return actions;
  SendBeat(now, /*may_report=*/true, actions);
  UpdateTimer(actions);
  return actions;
}

void SyncClient::Handle(const sync::Welcome& welcome, absl::Duration now, SyncActions& actions) {
  if (welcome.lease <= absl::ZeroDuration()) return BackOff(actions);
  state_ = SyncState::kFollowing;
  lease_ = std::min(welcome.lease, sync::kMaxLease);
  // Several beats a lease, so that one may be lost; not a flood of them.
  beat_interval_ =
      std::max(std::clamp(welcome.beat_interval, lease_ / 10, lease_ / 3), kMinBeatInterval);

  ToldProjects projects = Sorted(welcome.projects);
  const bool same_projects = (projects == nullptr) == (projects_ == nullptr) &&
                             (projects == nullptr || *projects == *projects_);
  const bool same_epoch = epoch_.has_value() && welcome.epoch == *epoch_;
  // Resumed where other projects are told than before: to keep S would let in answers from before
  // revokes that did not wait for us, and to leave it the authority does not expect.
  if (same_epoch && (welcome.head_revision < position_ || (welcome.resumed && !same_projects))) {
    return StartOver(actions);
  }
  // A lease of another history: this one's authority need not know of it.
  if (!same_epoch && rules_.flush_on_new_epoch) EndLease(actions);
  if (!rules_.keep_only_until_lease_end) {
    lease_end_ = std::max(lease_end_, now + sync::VerifierLease(lease_));
    actions.push_back(SetLease{lease_end_});
  }
  LearnImportedKeys(welcome.imported_keys, actions);
  if (same_epoch && welcome.resumed) return SendBeat(now, /*may_report=*/false, actions);
  epoch_ = welcome.epoch;
  projects_ = std::move(projects);
  MoveTo(welcome.head_revision, same_epoch || rules_.flush_on_new_epoch, {}, now, actions);
}

void SyncClient::Handle(const sync::Invalidation& invalidation, absl::Duration now,
                        SyncActions& actions) {
  if (invalidation.to_revision < position_) return StartOver(actions);
  LearnImportedKeys(invalidation.imported_keys, actions);
  const bool gap = invalidation.previous_revision != position_;
  MoveTo(invalidation.to_revision, gap && rules_.flush_on_gap, invalidation.items, now, actions);
}

void SyncClient::Handle(const sync::Reset& reset, absl::Duration now, SyncActions& actions) {
  if (reset.to_revision < position_) return StartOver(actions);
  // It does not say, and the first of them may be among what was missed.
  LearnImportedKeys(true, actions);
  MoveTo(reset.to_revision, true, {}, now, actions);
}

void SyncClient::Handle(const sync::Grant& grant, absl::Duration now, SyncActions& actions) {
  if (grant.beat_id > last_beat_id_) return;  // for a beat that was never sent
  failures_ = 0;
  if (grant.up_to_revision > position_) {
    position_ = grant.up_to_revision;
    actions.push_back(CacheStep{.flush = false,
                                .items = {},
                                .epoch = *epoch_,
                                .position = position_,
                                .projects = projects_});
  }
  const auto beat = std::find_if(sent_beats_.begin(), sent_beats_.end(),
                                 [&](const SentBeat& sent) { return sent.id == grant.beat_id; });
  if (beat == sent_beats_.end()) return;  // answered before, or too old to be worth anything
  const absl::Duration lease = std::clamp(grant.lease, absl::ZeroDuration(), sync::kMaxLease);
  const absl::Duration end =
      rules_.client_lease_margin ? beat->sent_at + sync::VerifierLease(lease) : now + lease;
  sent_beats_.erase(sent_beats_.begin(), std::next(beat));
  if (end <= lease_end_) return;
  lease_end_ = end;
  actions.push_back(SetLease{lease_end_});
}

void SyncClient::Handle(const sync::GoAway& go_away, absl::Duration /*now*/, SyncActions& actions) {
  const absl::Duration asked =
      std::clamp(go_away.reconnect_after, absl::ZeroDuration(), kMaxGoAway);
  Reconnect(asked + Jittered(absl::ZeroDuration(), kMinBackoff), actions);
}

void SyncClient::LearnImportedKeys(bool any, SyncActions& actions) {
  if (any == imported_keys_) return;
  imported_keys_ = any;
  actions.push_back(SetImportedKeys{any});
}

void SyncClient::MoveTo(Revision position, bool flush, std::vector<sync::Item> items,
                        absl::Duration now, SyncActions& actions) {
  position_ = position;
  CacheStep step{.flush = flush,
                 .items = std::move(items),
                 .epoch = *epoch_,
                 .position = position,
                 .projects = projects_};
  if (!rules_.evict_before_ack) SendBeat(now, /*may_report=*/false, actions);
  actions.push_back(std::move(step));
  if (rules_.evict_before_ack) SendBeat(now, /*may_report=*/false, actions);
}

void SyncClient::SendBeat(absl::Duration now, bool may_report, SyncActions& actions) {
  while (!sent_beats_.empty() && sent_beats_.front().sent_at + sync::kMaxLease <= now) {
    sent_beats_.pop_front();
  }
  ++last_beat_id_;
  // When full, it is the new one that is forgotten: the answers on their way are for older ones.
  if (sent_beats_.size() < kMaxSentBeats) sent_beats_.push_back({last_beat_id_, now});
  next_beat_ = now + beat_interval_;
  actions.push_back(
      Send{sync::Beat{.beat_id = last_beat_id_, .acked_revision = position_}, may_report});
}

void SyncClient::Reconnect(absl::Duration delay, SyncActions& actions) {
  state_ = SyncState::kWaiting;
  // A Grant counts on the connection of its beat only.
  sent_beats_.clear();
  last_beat_id_ = 0;
  ++connection_;
  actions.push_back(Connect{connection_, delay});
}

void SyncClient::EndLease(SyncActions& actions) {
  if (lease_end_ == absl::ZeroDuration()) return;
  lease_end_ = absl::ZeroDuration();
  actions.push_back(SetLease{lease_end_});
}

void SyncClient::StartOver(SyncActions& actions) {
  EndLease(actions);
  epoch_.reset();
  BackOff(actions);
}

void SyncClient::BackOff(SyncActions& actions) {
  absl::Duration high = kFirstBackoff;
  for (int i = 0; i < failures_ && high < kMaxBackoff; ++i) high *= 2;
  ++failures_;
  Reconnect(Jittered(kMinBackoff, std::min(high, kMaxBackoff)), actions);
}

absl::Duration SyncClient::SilentUntil() const {
  return last_heard_ + (state_ == SyncState::kFollowing ? lease_ : kWelcomeTimeout);
}

void SyncClient::UpdateTimer(SyncActions& actions) {
  absl::Duration at = absl::InfiniteDuration();
  if (state_ != SyncState::kWaiting) at = SilentUntil();
  if (state_ == SyncState::kFollowing) at = std::min(at, next_beat_);
  if (at == timer_) return;
  timer_ = at;
  actions.push_back(SetTimer{at});
}

absl::Duration SyncClient::Jittered(absl::Duration low, absl::Duration high) {
  std::array<uint8_t, 4> bytes;
  // Without entropy the delay is the longest: what matters then is not to crowd the authority.
  if (!random_.Fill(bytes).ok()) return high;
  uint32_t drawn = 0;
  for (const uint8_t byte : bytes) drawn = drawn << 8 | byte;
  return low + (high - low) * (static_cast<double>(drawn) / 4294967296.0);
}

}  // namespace claviger::client
