#include "server/manage/bulk_revoke.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "core/status.h"
#include "fmt/format.h"
#include "server/manage/errors.h"
#include "server/manage/key_matcher.h"
#include "server/manage/key_reading.h"
#include "server/manage/permissions.h"

namespace claviger {
namespace {

// Mutations under way at a time: of the store's largest batch a quarter.
constexpr size_t kSlice = 128;
// Keys that the search looks at, a few milliseconds' worth, before it asks whether it is to end.
constexpr size_t kLookedAtBetweenAsking = 256;

absl::Status TooManyKeys(size_t max_keys) {
  return ErrorBuilder(absl::StatusCode::kFailedPrecondition, Reason::kTooManyKeys)
      .Field("max_keys", "must be at least the number of keys that match and are not revoked yet")
      .Build(fmt::format("max_keys: more than {} keys match that are not revoked yet; nothing was "
                         "changed",
                         max_keys));
}

absl::Status OutOfTime() {
  return ErrorBuilder(absl::StatusCode::kDeadlineExceeded, Reason::kDeadlineExceeded)
      .Build("the call's deadline came before this key's turn; it was not revoked");
}

absl::Status ShuttingDown() {
  return ErrorBuilder(absl::StatusCode::kUnavailable, Reason::kShuttingDown)
      .Build("the server stops; the key was not revoked");
}

absl::Status SearchOutOfTime() {
  return ErrorBuilder(absl::StatusCode::kDeadlineExceeded, Reason::kDeadlineExceeded)
      .Build("the call's deadline came before all keys were looked at; nothing was changed");
}

absl::Status SearchShutDown() {
  return ErrorBuilder(absl::StatusCode::kUnavailable, Reason::kShuttingDown)
      .Build("the server stops; nothing was changed");
}

void CountRevoked(const KeyRecord& key, BulkRevoked& result) {
  ++result.revoked;
  if (result.sample.size() < kMaxSample) result.sample.push_back(key.id);
}

void CountFailed(const KeyId& id, absl::Status why, BulkRevoked& result) {
  ++result.failed;
  if (result.failures.size() < kMaxListedFailures) result.failures.push_back({id, std::move(why)});
}

void CountRevokedBefore(const KeyRecord& key, BulkRevoked& result) {
  ++result.already_revoked;
  // The answer to the call that revoked it may have been lost: it is waited for again.
  result.revision = std::max(result.revision, key.revision);
  result.project_ids.insert(key.project_id);
}

// The keys of a project that can match: by owner or by label where that says which.
KeyScan ScanFor(const std::string& project_id, const KeyFilter& filter) {
  KeyScan scan{.project_id = project_id, .after = std::nullopt};
  if (!filter.owner.empty()) {
    scan.owner = filter.owner;
  } else if (!filter.labels.empty()) {
    scan.label = *filter.labels.begin();
  }
  return scan;
}

}  // namespace

// The revoking of one call: one slice after another. Lives until its `done` has run.
class BulkRevoker::Feed : public std::enable_shared_from_this<Feed> {
 public:
  Feed(BulkRevoker& owner, const Caller& caller, BulkRevokeParams params, Found found,
       absl::Duration until, Done done)
      : owner_(owner),
        caller_(caller),
        params_(std::move(params)),
        detail_(params_.note.empty() ? "bulk" : "bulk: " + params_.note),
        ids_(std::move(found.ids)),
        until_(until),
        done_(std::move(done)),
        result_(std::move(found.before)) {
    result_.matched = result_.already_revoked + static_cast<int64_t>(ids_.size());
  }

  // Begins slices as long as the one before has ended. REQUIRES: none is under way.
  void Go() {
    do {
      if (next_ == ids_.size() || EndsEarly()) return Finish();
      const size_t begin = next_;
      const size_t end = std::min(ids_.size(), begin + kSlice);
      next_ = end;
      // One more for this thread: it is the one that goes on, unless an answer comes after its end.
      under_way_.store(end - begin + 1, std::memory_order_relaxed);
      for (size_t i = begin; i < end; ++i) RevokeOne(ids_[i]);
    } while (under_way_.fetch_sub(1, std::memory_order_acq_rel) == 1);
  }

 private:
  void RevokeOne(const KeyId& id) {
    owner_.keys_.RevokeAmongMany(
        caller_, id, params_.reason, params_.note, detail_, until_,
        [self = this->shared_from_this(), id](absl::StatusOr<ChangedKey> changed) {
          self->Count(id, std::move(changed));
          if (self->under_way_.fetch_sub(1, std::memory_order_acq_rel) == 1) self->Go();
        });
  }

  void Count(const KeyId& id, absl::StatusOr<ChangedKey> changed) {
    absl::MutexLock lock(&mutex_);
    if (!changed.ok()) {
      if (DetailsOf(changed.status()).reason == Reason::kDeadlineExceeded) result_.cut_short = true;
      return CountFailed(id, changed.status(), result_);
    }
    if (!changed->restricting) return CountRevokedBefore(*changed->info, result_);
    CountRevoked(*changed->info, result_);
    result_.revision = std::max(result_.revision, changed->revision);
    result_.project_ids.insert(changed->info->project_id);
  }

  // Whether the keys that are left stay as they are; then they are counted.
  bool EndsEarly() {
    const bool stops = owner_.stopping_.load(std::memory_order_relaxed);
    if (!stops && owner_.clock_.SinceBoot() <= until_) return false;
    absl::MutexLock lock(&mutex_);
    result_.cut_short = true;
    for (; next_ < ids_.size(); ++next_) {
      CountFailed(ids_[next_], stops ? ShuttingDown() : OutOfTime(), result_);
    }
    return true;
  }

  void Finish() {
    BulkRevoked result;
    {
      absl::MutexLock lock(&mutex_);
      result = std::move(result_);
    }
    done_(std::move(result));
  }

  BulkRevoker& owner_;
  const Caller caller_;
  const BulkRevokeParams params_;
  const std::string detail_;
  const std::vector<KeyId> ids_;
  const absl::Duration until_;
  Done done_;
  size_t next_ = 0;  // of whoever runs Go
  std::atomic<size_t> under_way_{0};
  absl::Mutex mutex_;
  BulkRevoked result_ ABSL_GUARDED_BY(mutex_);
};

void BulkRevoker::Run(const Caller& caller, BulkRevokeParams params, absl::Duration until,
                      Done done) {
  if (absl::Status s = caller.Require(permission::kKeysRevoke); !s.ok()) return done(s);
  absl::StatusOr<Found> found =
      params.key_ids.empty() ? Find(caller, params, until) : FindNamed(caller, params);
  if (!found.ok()) return done(found.status());
  if (params.validate_only) return Forecast(caller, *std::move(found), until, std::move(done));
  std::make_shared<Feed>(*this, caller, std::move(params), *std::move(found), until,
                         std::move(done))
      ->Go();
}

absl::StatusOr<BulkRevoker::Found> BulkRevoker::FindNamed(const Caller& caller,
                                                          const BulkRevokeParams& params) const {
  Found found;
  size_t to_revoke = 0;
  for (const KeyId& id : params.key_ids) {
    const absl::StatusOr<std::shared_ptr<const KeyRecord>> key = store_.FindKey(id);
    if (absl::IsDataLoss(key.status())) {
      found.ids.push_back(id);  // fails by itself, not the others
      continue;
    }
    if (!key.ok()) return key.status();
    const bool is_there = *key != nullptr && caller.IsBoundTo((*key)->project_id);
    if (is_there && (*key)->revocation.has_value()) {
      CountRevokedBefore(**key, found.before);
      continue;
    }
    if (is_there && ++to_revoke > params.max_keys) return TooManyKeys(params.max_keys);
    found.ids.push_back(id);
  }
  return found;
}

absl::StatusOr<BulkRevoker::Found> BulkRevoker::Find(const Caller& caller,
                                                     const BulkRevokeParams& params,
                                                     absl::Duration until) const {
  const KeyFilter& filter = params.filter;
  const bool names_projects = !filter.project_ids.empty();
  const bool reads_everywhere = !names_projects && caller.acts_in_all_projects();
  const std::vector<std::string>& named = names_projects ? filter.project_ids : caller.projects();
  const absl::Time now = clock_.Now();
  Found found;
  KeyMatcher matcher(store_, filter, now);
  size_t looked_at = 0;
  absl::Status may_go_on;
  const auto collect = [&](const KeyRecord& key) {
    // Few may match of very many, and max_keys bounds only those.
    if (++looked_at % kLookedAtBetweenAsking == 0) may_go_on = MaySearchOn(until);
    if (!may_go_on.ok()) return false;
    // Else whoever meant a customer's keys could lock out every caller of this authority.
    const bool is_meant = names_projects || key.project_id != kManagementProject;
    if (!is_meant || !matcher.Passes(key)) return matcher.status().ok();
    if (key.revocation.has_value()) {
      CountRevokedBefore(key, found.before);
    } else {
      found.ids.push_back(key.id);
    }
    return found.ids.size() <= params.max_keys;
  };
  // The empty project stands for all.
  for (const std::string& project_id : reads_everywhere ? std::vector<std::string>{""} : named) {
    if (!reads_everywhere && !caller.IsBoundTo(project_id)) continue;
    KeyScan scan = ScanFor(project_id, filter);
    // Such a key fails by itself, whatever else the filter asks for.
    scan.unreadable = [&found](const KeyId& id, const absl::Status&) { found.ids.push_back(id); };
    absl::Status scanned = ReadScan(store_, scan)(nullptr, collect);
    if (!scanned.ok()) return scanned;
    if (!may_go_on.ok()) return may_go_on;
    if (!matcher.status().ok()) return matcher.status();
    if (found.ids.size() > params.max_keys) return TooManyKeys(params.max_keys);
  }
  return found;
}

absl::Status BulkRevoker::MaySearchOn(absl::Duration until) const {
  if (stopping_.load(std::memory_order_relaxed)) return SearchShutDown();
  return clock_.SinceBoot() > until ? SearchOutOfTime() : absl::OkStatus();
}

void BulkRevoker::Forecast(const Caller& caller, Found found, absl::Duration until,
                           Done done) const {
  struct Work {
    BulkRevoked result;
    std::vector<std::shared_ptr<const KeyRecord>> keys;  // that would be revoked
  };
  auto work = std::make_shared<Work>();
  work->result = std::move(found.before);
  work->result.matched = work->result.already_revoked + static_cast<int64_t>(found.ids.size());
  std::vector<KeyId> managers;
  for (const KeyId& id : found.ids) {
    absl::StatusOr<std::shared_ptr<const KeyRecord>> key = store_.FindKey(id);
    if (absl::IsDataLoss(key.status())) {
      CountFailed(id, key.status(), work->result);
      continue;
    }
    if (!key.ok()) return done(key.status());
    if (*key == nullptr || !caller.IsBoundTo((*key)->project_id)) {
      CountFailed(id, KeyNotFound(id), work->result);
    } else if ((*key)->revocation.has_value()) {
      CountRevokedBefore(**key, work->result);
    } else if ((*key)->project_id == kManagementProject) {
      managers.push_back(id);
      work->keys.push_back(*std::move(key));
    } else {
      CountRevoked(**key, work->result);
    }
  }
  auto conclude =
      [work, done = std::move(done)](absl::StatusOr<std::vector<RefusedRevoke>> refused) mutable {
        if (!refused.ok()) return done(refused.status());
        auto next = refused->begin();  // in the order of `keys`, of which it is a part
        for (const std::shared_ptr<const KeyRecord>& key : work->keys) {
          if (next != refused->end() && next->id == key->id) {
            CountFailed(key->id, std::move(next->status), work->result);
            ++next;
          } else {
            CountRevoked(*key, work->result);
          }
        }
        done(std::move(work->result));
      };
  if (managers.empty()) return conclude(std::vector<RefusedRevoke>());
  keys_.FindLastAdmins(std::move(managers), until, std::move(conclude));
}

}  // namespace claviger
