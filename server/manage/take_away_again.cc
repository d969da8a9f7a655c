#include "server/manage/take_away_again.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "absl/synchronization/blocking_counter.h"
#include "core/lifecycle.h"
#include "core/scope.h"
#include "fmt/format.h"

namespace claviger {
namespace {

// Mutations under way at a time.
constexpr size_t kSlice = 128;
constexpr std::string_view kNotToldWhere = "disabled: the log does not tell its new addresses";
constexpr std::string_view kNowhere = "disabled: none of its addresses was left";

// Changes `key` in place. The audit entry's detail; nullopt: it is so already.
using Edit = std::function<std::optional<std::string>(KeyRecord& key, absl::Time now,
                                                      std::string& action, std::string& what)>;

struct Step {
  Mutation mutation;
  // The mutation completes it.
  std::shared_ptr<TakenAgain> result;
};

std::string Story(const LoggedChange& logged) {
  return fmt::format("again after a restore: revision {} by {}", logged.revision.value,
                     logged.actor);
}

// `detail` stands first, in the form that such a change has: whoever reads the log for another
// restore reads it so.
std::string WithStory(std::string_view detail, const LoggedChange& logged) {
  return fmt::format("{}; {}", detail, Story(logged));
}

AuditDraft SystemAudit(std::string action, const TakenAgain& result, std::string detail) {
  AuditDraft audit;
  audit.actor = "system";
  audit.action = std::move(action);
  audit.project_id = result.project_id;
  audit.key_id = result.key_id;
  audit.detail = std::move(detail);
  return audit;
}

// A change of the key `id`. `is_final`: one that a key of a deleted project takes too.
Step EditStep(const KeyId& id, const LoggedChange& logged, bool is_final, const Clock& clock,
              Edit edit) {
  auto result = std::make_shared<TakenAgain>();
  result->key_id = id.ToString();
  result->logged = logged;
  Mutation mutation = [id, is_final, &clock, edit = std::move(edit),
                       result](const StateReader& state) -> absl::StatusOr<ChangeSet> {
    const absl::StatusOr<std::shared_ptr<const KeyRecord>> current = state.FindKey(id);
    if (!current.ok()) return current.status();
    if (*current == nullptr) return ChangeSet{};
    const auto project = state.FindProject((*current)->project_id);
    if (!project.ok()) return project.status();
    const bool dead = (*current)->revocation.has_value() || *project == nullptr ||
                      (*project)->delete_time.has_value();
    if (dead && !is_final) return ChangeSet{};
    result->project_id = (*current)->project_id;
    KeyRecord key = **current;
    std::string action = result->logged.action;
    const absl::Time now = clock.Now();
    const std::optional<std::string> detail = edit(key, now, action, result->what);
    if (!detail.has_value()) return ChangeSet{};
    key.update_time = now;
    ChangeSet changes;
    changes.audit = SystemAudit(std::move(action), *result, *detail);
    changes.admission = Admission::kReduction;
    changes.put_keys.push_back(std::move(key));
    return changes;
  };
  return {std::move(mutation), std::move(result)};
}

Step RevokeStep(const KeyId& id, const LaterOfKey& later, const Clock& clock) {
  const bool deleted = later.deleted.has_value();
  const LoggedChange& logged = deleted ? *later.deleted : *later.revoked;
  return EditStep(
      id, logged, /*is_final=*/true, clock,
      [logged, revoked = *later.revoked, deleted](KeyRecord& key, absl::Time, std::string& action,
                                                  std::string& what) -> std::optional<std::string> {
        const bool is_so = deleted ? key.delete_time.has_value() : key.revocation.has_value();
        if (is_so) return std::nullopt;
        what = deleted ? "deleted" : "revoked";
        action = deleted ? action::kDeleteKey : action::kRevokeKey;
        // At the time of the first one: the retention of what was deleted goes on from there.
        Revoke(key, revoked.time, RevokeReason::kOther, Story(revoked));
        if (deleted) Delete(key, logged.time, RevokeReason::kOther, "");
        return logged.detail.empty() ? Story(logged) : WithStory(logged.detail, logged);
      });
}

std::string DisableInstead(KeyRecord& key, absl::Time now, std::string_view why,
                           const LoggedChange& logged, std::string& action, std::string& what) {
  Disable(key, now).IgnoreError();  // it is not revoked
  action = action::kDisableKey;
  what = why;
  return WithStory(why, logged);
}

// The blocks that are in both.
std::vector<Cidr> Common(const std::vector<Cidr>& a, const std::vector<Cidr>& b) {
  std::vector<Cidr> common;
  for (const auto& [list, other] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    for (const Cidr& block : *list) {
      if (!AllWithin({block}, *other)) continue;
      if (std::find(common.begin(), common.end(), block) == common.end()) common.push_back(block);
    }
  }
  return common;
}

std::string ListOf(const std::vector<Cidr>& blocks) {
  std::vector<std::string> texts;
  texts.reserve(blocks.size());
  for (const Cidr& block : blocks) texts.push_back(block.ToString());
  return fmt::format("{}", fmt::join(texts, " "));
}

Step AddressStep(const KeyId& id, const LaterOfKey& later, const Clock& clock) {
  return EditStep(id, *later.readdressed, /*is_final=*/false, clock,
                  [wanted = later.allowed_cidrs, logged = *later.readdressed](
                      KeyRecord& key, absl::Time now, std::string& action,
                      std::string& what) -> std::optional<std::string> {
                    if (!wanted.has_value()) {
                      if (key.disabled) return std::nullopt;
                      return DisableInstead(key, now, kNotToldWhere, logged, action, what);
                    }
                    if (AllWithin(key.allowed_cidrs, *wanted)) return std::nullopt;
                    std::vector<Cidr> left =
                        key.allowed_cidrs.empty() ? *wanted : Common(key.allowed_cidrs, *wanted);
                    if (left.empty()) {
                      if (key.disabled) return std::nullopt;
                      return DisableInstead(key, now, kNowhere, logged, action, what);
                    }
                    key.allowed_cidrs = std::move(left);
                    what = fmt::format("limited to {}", ListOf(key.allowed_cidrs));
                    return WithStory(
                        fmt::format("changed allowed_cidrs to [{}]", ListOf(key.allowed_cidrs)),
                        logged);
                  });
}

Step ScopeStep(const KeyId& id, const LaterOfKey& later, const Clock& clock) {
  return EditStep(id, *later.rescoped, /*is_final=*/false, clock,
                  [scopes = later.scopes, logged = *later.rescoped](
                      KeyRecord& key, absl::Time, std::string&,
                      std::string& what) -> std::optional<std::string> {
                    std::vector<std::string> kept;
                    std::vector<std::string> removed;
                    for (const std::string& scope : key.scopes.scopes()) {
                      const auto it = scopes.find(scope);
                      const bool goes = it != scopes.end() && !it->second;
                      (goes ? removed : kept).push_back(scope);
                    }
                    if (removed.empty()) return std::nullopt;
                    // What it was given in their place, as far as it could do that before.
                    std::vector<std::string> added;
                    for (const auto& [scope, is_added] : scopes) {
                      const bool has = key.scopes.Contains(scope);
                      if (is_added && !has && key.scopes.Covers(scope)) added.push_back(scope);
                    }
                    kept.insert(kept.end(), added.begin(), added.end());
                    key.scopes = ScopeSet::FromTrusted(std::move(kept));
                    what = fmt::format("lost scopes {}", fmt::join(removed, " "));
                    return WithStory(fmt::format("added [{}], removed [{}]", fmt::join(added, " "),
                                                 fmt::join(removed, " ")),
                                     logged);
                  });
}

Step EndStep(const KeyId& id, const LaterOfKey& later, const Clock& clock) {
  return EditStep(id, *later.moved_end, /*is_final=*/false, clock,
                  [end = later.end, logged = *later.moved_end](
                      KeyRecord& key, absl::Time, std::string& action,
                      std::string& what) -> std::optional<std::string> {
                    if (key.expire_time.value_or(absl::InfiniteFuture()) <= end)
                      return std::nullopt;
                    key.expire_time = end;
                    const std::string text =
                        absl::FormatTime(absl::RFC3339_sec, end, absl::UTCTimeZone());
                    action = action::kUpdateKey;
                    what = "ends " + text;
                    return WithStory("changed expire_time to " + text, logged);
                  });
}

Step ProjectStep(const std::string& project_id, const LoggedChange& logged, const Clock& clock) {
  auto result = std::make_shared<TakenAgain>();
  result->project_id = project_id;
  result->what = "deleted with its keys";
  result->logged = logged;
  Mutation mutation = [&clock, result](const StateReader& state) -> absl::StatusOr<ChangeSet> {
    const auto project = state.FindProject(result->project_id);
    if (!project.ok()) return project.status();
    if (*project == nullptr || (*project)->delete_time.has_value()) return ChangeSet{};
    ChangeSet changes;
    ProjectRecord deleted = **project;
    deleted.delete_time = result->logged.time;
    deleted.update_time = clock.Now();
    changes.audit = SystemAudit(std::string(action::kDeleteProject), *result,
                                WithStory("with its keys", result->logged));
    changes.admission = Admission::kReduction;
    changes.put_projects.push_back(std::move(deleted));
    return changes;
  };
  return {std::move(mutation), std::move(result)};
}

std::vector<Step> StepsOf(const LaterChanges& later, const Clock& clock) {
  std::vector<Step> steps;
  for (const auto& [id, key] : later.keys()) {
    if (key.revoked.has_value()) {
      steps.push_back(RevokeStep(id, key, clock));
      continue;
    }
    if (key.rescoped.has_value()) steps.push_back(ScopeStep(id, key, clock));
    if (key.moved_end.has_value()) steps.push_back(EndStep(id, key, clock));
    if (key.readdressed.has_value()) steps.push_back(AddressStep(id, key, clock));
    if (key.disabled.has_value()) {
      steps.push_back(
          EditStep(id, *key.disabled, /*is_final=*/false, clock,
                   [logged = *key.disabled](KeyRecord& record, absl::Time now, std::string&,
                                            std::string& what) -> std::optional<std::string> {
                     if (record.disabled) return std::nullopt;
                     Disable(record, now).IgnoreError();  // it is not revoked
                     what = "disabled";
                     return Story(logged);
                   }));
    }
  }
  // Behind the keys: one that is not revoked is not written in a deleted project.
  for (const auto& [project_id, logged] : later.deleted_projects()) {
    steps.push_back(ProjectStep(project_id, logged, clock));
  }
  return steps;
}

}  // namespace

absl::StatusOr<std::vector<TakenAgain>> TakeAwayAgain(KeyStore& store, const LaterChanges& later,
                                                      const Clock& clock) {
  std::vector<TakenAgain> made;
  std::vector<Step> steps = StepsOf(later, clock);
  for (size_t begin = 0; begin < steps.size(); begin += kSlice) {
    const size_t end = std::min(steps.size(), begin + kSlice);
    std::vector<absl::StatusOr<Committed>> answers(end - begin);
    absl::BlockingCounter waiting(static_cast<int>(end - begin));
    for (size_t i = begin; i < end; ++i) {
      store.Commit(std::move(steps[i].mutation),
                   [&answer = answers[i - begin], &waiting](absl::StatusOr<Committed> committed) {
                     answer = std::move(committed);
                     waiting.DecrementCount();
                   });
    }
    waiting.Wait();
    for (size_t i = begin; i < end; ++i) {
      const absl::StatusOr<Committed>& answer = answers[i - begin];
      if (!answer.ok()) return answer.status();
      if (answer->changed) made.push_back(std::move(*steps[i].result));
    }
  }
  std::stable_sort(made.begin(), made.end(), [](const TakenAgain& a, const TakenAgain& b) {
    return a.logged.revision < b.logged.revision;
  });
  return made;
}

absl::StatusOr<std::vector<LostKey>> FindLostKeys(const KeyStore& store,
                                                  const LaterChanges& later) {
  std::vector<LostKey> lost;
  for (const auto& [id, key] : later.keys()) {
    if (!key.made.has_value() || key.revoked.has_value()) continue;
    const absl::StatusOr<std::shared_ptr<const KeyRecord>> there = store.FindKey(id);
    if (!there.ok()) return there.status();
    if (*there == nullptr) lost.push_back({id, key.project_id, *key.made});
  }
  std::sort(lost.begin(), lost.end(),
            [](const LostKey& a, const LostKey& b) { return a.made.revision < b.made.revision; });
  return lost;
}

}  // namespace claviger
