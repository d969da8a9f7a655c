#include "server/usage/usage_flusher.h"

#include <memory>
#include <string>

#include "server/logging/log.h"

namespace claviger {
namespace {

// While the store takes nothing.
constexpr size_t kMaxWaiting = size_t{1} << 18;
// Forgetting costs a look into the store for each.
constexpr size_t kMaxTold = 100'000;

}  // namespace

UsageFlusher::UsageFlusher(UsageRecorder& recorder, KeyStore& store, const Clock& clock,
                           Hooks hooks)
    : recorder_(recorder),
      store_(store),
      clock_(clock),
      hooks_(std::move(hooks)),
      next_(clock.SinceBoot() + kInterval) {}

void UsageFlusher::FlushIfDue() {
  absl::MutexLock lock(&mutex_);
  if (clock_.SinceBoot() < next_ && !recorder_.crowded()) return;
  FlushLocked();
}

void UsageFlusher::Flush() {
  absl::MutexLock lock(&mutex_);
  FlushLocked();
}

void UsageFlusher::FlushLocked() {
  const absl::Duration started = clock_.SinceBoot();
  next_ = started + kInterval;
  Merge(recorder_.TakeAll());
  if (!waiting_.empty()) {
    std::vector<UsageDelta> deltas;
    deltas.reserve(waiting_.size());
    for (const auto& [place, delta] : waiting_) deltas.push_back(delta);
    const absl::Status added = store_.AddUsage(deltas);
    LogChange(added);
    // What cannot be read now will not be later, and the rest must not be counted again.
    if (added.ok() || absl::IsDataLoss(added)) waiting_.clear();
  }
  const uint64_t dropped = recorder_.dropped();
  if (hooks_.on_flush) {
    hooks_.on_flush(
        {.took = clock_.SinceBoot() - started,
         .dropped = std::exchange(dropped_, 0) + (dropped - std::exchange(reported_, dropped))});
  }
}

void UsageFlusher::LogChange(const absl::Status& added) {
  if (added.ok() && failed_) {
    log::Info("usage is stored again", {{"keys", std::to_string(waiting_.size())}});
  } else if (absl::IsDataLoss(added) && !failed_) {
    log::Error("usage of keys whose records are damaged is left out",
               {{"why", std::string(added.message())}});
  } else if (!added.ok() && !failed_) {
    log::Warning("usage could not be stored, and waits", {{"keys", std::to_string(waiting_.size())},
                                                          {"why", std::string(added.message())}});
  }
  failed_ = !added.ok();
}

void UsageFlusher::Merge(std::vector<RecordedUse> uses) {
  for (RecordedUse& use : uses) {
    UsageDelta& from = use.delta;
    if (from.last_use.has_value() && use.key->rotated_from.has_value()) {
      TellFirstUse(*use.key, from.last_use->time);
    }
    const std::pair place(from.key_id, from.hour);
    auto it = waiting_.find(place);
    if (it == waiting_.end()) {
      if (waiting_.size() >= kMaxWaiting) {
        dropped_ += from.counts.valid() + from.counts.denied();
        continue;
      }
      waiting_.emplace(place, std::move(from));
      continue;
    }
    UsageDelta& into = it->second;
    into.counts.Add(from.counts);
    if (from.last_use.has_value() &&
        (!into.last_use.has_value() || from.last_use->time > into.last_use->time)) {
      into.last_use = std::move(from.last_use);
    }
  }
}

// The replaced key's record says whether anything waits: it is asked, not our own counts, so that
// a use which was stored by a process that then died is not the end of it.
void UsageFlusher::TellFirstUse(const KeyRecord& key, absl::Time time) {
  if (!hooks_.first_use) return;
  const absl::Duration now = clock_.SinceBoot();
  const auto told = told_.find(key.id);
  if (told != told_.end() && now < told->second) return;
  const absl::StatusOr<std::shared_ptr<const KeyRecord>> replaced =
      store_.FindKey(*key.rotated_from);
  if (!replaced.ok()) return;  // the next use will do
  const bool waits = *replaced != nullptr && (*replaced)->pending_grace.has_value();
  if (told_.size() >= kMaxTold) told_.clear();
  // A grace that does not wait never will: it is set when the key is replaced.
  told_[key.id] = waits ? now + kTellAgain : absl::InfiniteDuration();
  if (waits) hooks_.first_use(key.id, time);
}

}  // namespace claviger
