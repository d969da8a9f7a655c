#include "server/app/key_gauges.h"

#include <algorithm>
#include <utility>

#include "core/lifecycle.h"
#include "server/logging/log.h"

namespace claviger {
namespace {

// Counting may be one part in so many of what the thread does.
constexpr int kRestFactor = 100;
constexpr absl::Duration kShortestRest = absl::Minutes(1);
constexpr absl::Duration kLongestRest = absl::Hours(1);

absl::Duration RestAfter(absl::Duration worked) {
  return std::clamp(worked * kRestFactor, kShortestRest, kLongestRest);
}

void Warn(const absl::Status& why) {
  log::Warning("keys cannot be counted", {{"why", std::string(why.message())}});
}

}  // namespace

LastUseReader LastUsesOf(const KeyStore& store) {
  return [&store](
             std::span<const KeyId> ids) -> absl::StatusOr<absl::flat_hash_map<KeyId, absl::Time>> {
    const auto found = store.FindLastUses(ids);
    if (!found.ok()) return found.status();
    absl::flat_hash_map<KeyId, absl::Time> times;
    for (size_t i = 0; i < ids.size(); ++i) {
      if ((*found)[i].has_value()) times.emplace(ids[i], (*found)[i]->time);
    }
    return times;
  };
}

KeyGauges::KeyGauges(const KeyStore& store, const Clock& clock, KeyMetrics& metrics,
                     KeyGaugeOptions options)
    : store_(store), clock_(clock), metrics_(metrics), options_(std::move(options)) {}

void KeyGauges::RefreshExpiring() {
  const absl::Duration started = clock_.SinceBoot();
  if (started < next_expiring_) return;
  const absl::Time now = clock_.Now();
  std::vector<absl::Time> until;
  for (const absl::Duration horizon : kExpiryHorizons) until.push_back(now + horizon);
  const auto counts = store_.CountExpiring(now, until);
  counts.ok() ? metrics_.SetExpiring(*counts) : Warn(counts.status());
  const absl::Duration worked = clock_.SinceBoot() - started;
  // What takes no time to speak of is as often as the timer runs it.
  next_expiring_ =
      started + (worked * kRestFactor > kShortestRest ? RestAfter(worked) : absl::ZeroDuration());
}

void KeyGauges::WalkSlice() {
  const absl::Duration started = clock_.SinceBoot();
  if (!walk_.has_value()) {
    if (started < next_walk_ || (!options_.last_uses && options_.projects.empty())) return;
    walk_ = Begin();
  }
  const absl::StatusOr<bool> done = Step(*walk_);
  walk_->worked += clock_.SinceBoot() - started;
  if (done.ok() && !*done) return;
  next_walk_ = clock_.SinceBoot() + (done.ok() ? RestAfter(walk_->worked) : kLongestRest);
  done.ok() ? Publish(*walk_) : Warn(done.status());
  walk_.reset();
}

KeyGauges::Walk KeyGauges::Begin() const {
  Walk walk{.now = clock_.Now(), .behind = std::nullopt};
  for (const std::string& project_id : options_.projects) {
    for (const KeyState state : {KeyState::kActive, KeyState::kDisabled, KeyState::kExpired,
                                 KeyState::kRevoked, KeyState::kDeleted}) {
      walk.projects[project_id][state] = 0;
    }
  }
  // A key that is younger cannot be unused for so long.
  if (options_.projects.empty()) walk.behind = KeyCursor{walk.now - kUnusedFor, KeyId()};
  return walk;
}

absl::StatusOr<bool> KeyGauges::Step(Walk& walk) const {
  std::vector<KeyId> candidates;
  size_t looked = 0;
  absl::Status scanned =
      store_.ScanKeys({.project_id = "", .after = walk.behind}, [&](const KeyRecord& key) {
        const KeyState state = StateOf(key, walk.now);
        if (const auto it = walk.projects.find(key.project_id); it != walk.projects.end()) {
          ++it->second[state];
        }
        if (state == KeyState::kActive && key.create_time <= walk.now - kUnusedFor) {
          candidates.push_back(key.id);
        }
        walk.behind = KeyCursor{key.create_time, key.id};
        return ++looked < options_.slice;
      });
  if (!scanned.ok()) return scanned;
  if (absl::Status s = CountUnused(candidates, walk); !s.ok()) return s;
  return looked < options_.slice;
}

absl::Status KeyGauges::CountUnused(const std::vector<KeyId>& candidates, Walk& walk) const {
  if (!options_.last_uses || candidates.empty()) return absl::OkStatus();
  const auto last_uses = options_.last_uses(candidates);
  if (!last_uses.ok()) return last_uses.status();
  for (const KeyId& id : candidates) {
    const auto used = last_uses->find(id);
    if (used == last_uses->end() || used->second < walk.now - kUnusedFor) ++walk.unused;
  }
  return absl::OkStatus();
}

void KeyGauges::Publish(const Walk& walk) {
  if (options_.last_uses) metrics_.SetUnused(walk.unused);
  for (const auto& [project_id, keys] : walk.projects) metrics_.SetProject(project_id, keys);
}

}  // namespace claviger
