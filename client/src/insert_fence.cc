#include "client/src/insert_fence.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <variant>

namespace claviger::client {

bool Tells(const ToldProjects& projects, std::string_view project_id) {
  return projects == nullptr ||
         std::binary_search(projects->begin(), projects->end(), project_id, std::less<>());
}

bool JoinPoint::MayTake(const Reflects& answer, const CachedGrant* grant,
                        const SyncRules& rules) const {
  if (!rules.join_fence) return true;
  if (grant != nullptr && !Tells(projects, grant->project_id)) return false;
  return lease_live && answer.epoch == epoch && answer.revision >= position;
}

void InsertFence::Apply(const CacheStep& step) {
  absl::WriterMutexLock lock(&mutex_);
  if (step.flush) {
    grants_.Flush();
    negatives_.Flush();
  }
  for (const sync::Item& item : step.items) {
    if (const auto* const key = std::get_if<sync::KeyItem>(&item)) {
      grants_.Evict(key->id);
      negatives_.Evict(key->id);
    } else if (const auto* const project = std::get_if<sync::ProjectItem>(&item)) {
      // Which project a key that does not exist would belong to is not known.
      grants_.EvictProject(project->id);
      negatives_.Flush();
    } else {
      grants_.Flush();
      negatives_.Flush();
    }
  }
  epoch_ = step.epoch;
  position_ = step.position;
  projects_ = step.projects;
}

bool InsertFence::MayInsert(const Reflects& answer) const {
  if (!epoch_.has_value() || answer.epoch != *epoch_) return false;
  return !rules_.insert_fence || answer.revision >= position_;
}

bool InsertFence::Insert(NewGrant grant, const Epoch& epoch) {
  absl::ReaderMutexLock lock(&mutex_);
  return MayInsert({epoch, grant.revision}) && Tells(projects_, grant.grant->project_id) &&
         grants_.Insert(std::move(grant));
}

bool InsertFence::InsertNotFound(const KeyId& id, const KeyHash& hash, const Reflects& answer,
                                 absl::Duration asked_at) {
  absl::ReaderMutexLock lock(&mutex_);
  if (!MayInsert(answer)) return false;
  negatives_.Insert(id, hash, asked_at);
  return true;
}

JoinPoint InsertFence::Here(absl::Duration now) const {
  // The lease before the position: a lease granted since `now` was read then comes with the
  // position that it was granted for.
  const bool lease_live = view_.LeaseLive(now);
  absl::ReaderMutexLock lock(&mutex_);
  return {.epoch = epoch_.value_or(Epoch()),
          .position = position_,
          .lease_live = lease_live && epoch_.has_value(),
          .projects = projects_};
}

Revision InsertFence::position() const {
  absl::ReaderMutexLock lock(&mutex_);
  return position_;
}

}  // namespace claviger::client
