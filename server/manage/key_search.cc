#include "server/manage/key_search.h"

#include <algorithm>
#include <utility>

#include "core/status.h"
#include "fmt/format.h"
#include "server/manage/key_matcher.h"

namespace claviger {
namespace {

constexpr ListOrder kNewestFirst{KeyOrder::kCreateTime, true};
// How many records are looked at between two looks at the clock.
constexpr size_t kRecordsPerLook = 256;

// Behind all keys of its moment in a list with the newest first, before them in the reverse.
KeyCursor EndOfMoment(absl::Time time) {
  return {time, *KeyId::Parse(std::string(kKeyIdLength, 'z'))};
}

// Counts what is looked at, and knows when to stop.
class Watch {
 public:
  explicit Watch(const ListLimits& limits) : limits_(limits) {}

  // False when there is no time for another one.
  bool Look() {
    if (++looked_ % kRecordsPerLook == 0 && limits_.out_of_time && limits_.out_of_time()) {
      in_time_ = false;
    }
    return in_time_;
  }
  size_t looked() const { return looked_; }
  absl::Status status() const {
    if (in_time_) return absl::OkStatus();
    return ErrorBuilder(absl::StatusCode::kDeadlineExceeded, Reason::kDeadlineExceeded)
        .Build(fmt::format("not done within the call's time after {} keys: narrow the list with "
                           "project_ids, owner or label_selector, or do without the total size",
                           looked_));
  }

 private:
  const ListLimits& limits_;
  size_t looked_ = 0;
  bool in_time_ = true;
};

absl::Status TooManyToSort(size_t limit) {
  const std::string accepted = fmt::format(
      "by name, by last use, or by expire_time within projects, at most {} keys are sorted: narrow "
      "the list with project_ids, owner, label_selector or the times of creation, or order it by "
      "create_time",
      limit);
  return ErrorBuilder(absl::StatusCode::kFailedPrecondition, Reason::kListTooLarge)
      .Field("order_by", accepted)
      .Build("order_by: " + accepted);
}

bool MatchesOnlyUnexpired(const KeyFilter& filter) {
  return !filter.states.empty() &&
         std::all_of(filter.states.begin(), filter.states.end(), [](KeyState state) {
           return state == KeyState::kActive || state == KeyState::kDisabled;
         });
}

std::vector<std::string> ProjectsToRead(const Caller& caller,
                                        const std::vector<std::string>& wanted) {
  if (wanted.empty()) {
    return caller.acts_in_all_projects() ? std::vector<std::string>{""} : caller.projects();
  }
  std::vector<std::string> projects;
  for (const std::string& project_id : wanted) {
    if (caller.IsBoundTo(project_id)) projects.push_back(project_id);
  }
  std::sort(projects.begin(), projects.end());
  projects.erase(std::unique(projects.begin(), projects.end()), projects.end());
  return projects;
}

}  // namespace

// A page that fills up in the order of the list, with a bound on what is looked at.
class KeySearch::Page {
 public:
  Page(const KeyStore& store, const ListParams& params, absl::Time now, const ListLimits& limits)
      : params_(params),
        order_{params.order, params.descending},
        limits_(limits),
        matcher_(store, params.filter, now),
        watch_(limits) {}

  // Looks at the next key; false to stop.
  bool Look(const KeyRecord& key) {
    if (!watch_.Look()) return false;
    if (matcher_.Passes(key)) {
      if (found_.keys.size() == params_.page_size) {
        // One more than fits: there is a page behind the last one that does.
        Stop(PlaceOf(order_, found_.keys.back()));
        return false;
      }
      found_.keys.push_back(key);
    }
    return matcher_.status().ok() && GoOnBehind(key);
  }
  // The same while keys that never expire are looked for.
  bool PassExpiring(const KeyRecord& key) {
    if (!watch_.Look()) return false;
    if (watch_.looked() < limits_.scanned) return true;
    KeyRecord unending = key;
    unending.expire_time.reset();
    return GoOnBehind(unending);
  }

  bool stopped() const {
    return found_.go_on_behind.has_value() || !watch_.status().ok() || !matcher_.status().ok();
  }
  absl::StatusOr<FoundKeys> Take() && {
    if (!watch_.status().ok()) return watch_.status();
    if (!matcher_.status().ok()) return matcher_.status();
    return std::move(found_);
  }

 private:
  void Stop(std::string place) { found_.go_on_behind = std::move(place); }
  bool GoOnBehind(const KeyRecord& key) {
    if (watch_.looked() < limits_.scanned) return true;
    Stop(PlaceOf(order_, key));
    return false;
  }

  const ListParams& params_;
  const ListOrder order_;
  const ListLimits& limits_;
  KeyMatcher matcher_;
  Watch watch_;
  FoundKeys found_;
};

KeySearch::KeySearch(const KeyStore& store, const Caller& caller, const ListParams& params,
                     absl::Time now, const ListLimits& limits)
    : store_(store),
      params_(params),
      now_(now),
      limits_(limits),
      order_{params.order, params.descending},
      projects_(ProjectsToRead(caller, params.filter.project_ids)),
      reads_all_projects_(projects_ == std::vector<std::string>{""}) {}

absl::StatusOr<FoundKeys> KeySearch::Find(const std::optional<std::string>& after) {
  if (projects_.empty()) return FoundKeys();
  switch (order_.by) {
    case KeyOrder::kCreateTime:
      return FindByCreateTime(after);
    case KeyOrder::kExpireTime:
      return FindByExpiry(after);
    case KeyOrder::kName:
    case KeyOrder::kLastUsedTime:
      break;
  }
  auto found = FindSorted(ReadersByCreateTime(kNewestFirst, std::nullopt), limits_.sorted, after);
  if (!found.ok()) return found.status();
  if (!found->has_value()) return TooManyToSort(limits_.sorted);
  return **std::move(found);
}

absl::StatusOr<int64_t> KeySearch::Count() {
  if (projects_.empty()) return 0;
  const bool by_expiry = params_.filter.expire_before.has_value() && !IsNarrow();
  const std::vector<KeyReader> readers =
      by_expiry ? std::vector<KeyReader>{ReaderByExpiry(false, std::nullopt)}
                : ReadersByCreateTime(kNewestFirst, std::nullopt);
  int64_t count = 0;
  Watch watch(limits_);
  KeyMatcher matcher(store_, params_.filter, now_);
  for (const KeyReader& reader : readers) {
    absl::Status read = reader(nullptr, [&](const KeyRecord& key) {
      if (matcher.Passes(key)) ++count;
      return matcher.status().ok() && watch.Look();
    });
    if (read.ok()) read = watch.status();
    if (read.ok()) read = matcher.status();
    if (!read.ok()) return read;
  }
  return count;
}

std::vector<KeyReader> KeySearch::ReadersByCreateTime(const ListOrder& order,
                                                      const std::optional<KeyCursor>& after) const {
  const KeyFilter& filter = params_.filter;
  KeyScan scan{.project_id = "", .after = after, .oldest_first = !order.descending};
  if (!filter.owner.empty()) {
    scan.owner = filter.owner;
  } else if (!filter.labels.empty()) {
    scan.label = *filter.labels.begin();
  }
  if (!after.has_value()) {
    if (order.descending && filter.created_before.has_value()) {
      scan.after = EndOfMoment(*filter.created_before);
    } else if (!order.descending && filter.created_after.has_value()) {
      scan.after = EndOfMoment(*filter.created_after);
    }
  }
  std::vector<KeyReader> readers;
  for (const std::string& project_id : projects_) {
    scan.project_id = project_id;
    readers.push_back([this, order, read = ReadScan(store_, scan)](const KeyRecord* behind,
                                                                   const KeyVisitor& visit) {
      return read(behind,
                  [&](const KeyRecord& key) { return !IsPastTheTimes(key, order) && visit(key); });
    });
  }
  return readers;
}

KeyReader KeySearch::ReaderByExpiry(bool latest_first,
                                    const std::optional<ExpiryCursor>& after) const {
  const KeyFilter& filter = params_.filter;
  absl::Time from = filter.expire_after.value_or(absl::InfinitePast());
  // What ended long ago piles up; none of it is in one of these states.
  if (MatchesOnlyUnexpired(filter)) from = std::max(from, now_);
  return ReadExpiring(store_, {.from = from,
                               .until = filter.expire_before.value_or(absl::InfiniteFuture()),
                               .after = after,
                               .latest_first = latest_first});
}

bool KeySearch::IsPastTheTimes(const KeyRecord& key, const ListOrder& order) const {
  const KeyFilter& filter = params_.filter;
  if (order.descending) {
    return filter.created_after.has_value() && key.create_time < *filter.created_after;
  }
  return filter.created_before.has_value() && key.create_time >= *filter.created_before;
}

absl::Status KeySearch::FillByCreateTime(const ListOrder& order,
                                         const std::optional<KeyCursor>& after, bool only_unending,
                                         Page& page) const {
  return VisitMerged(
      ReadersByCreateTime(order, after),
      [&order](const KeyRecord& key) { return PlaceOf(order, key); },
      params_.page_size / projects_.size() + 1,
      [&](const KeyRecord& key) {
        return only_unending && key.expire_time.has_value() ? page.PassExpiring(key)
                                                            : page.Look(key);
      });
}

absl::StatusOr<FoundKeys> KeySearch::FindByCreateTime(
    const std::optional<std::string>& after) const {
  if (params_.filter.expire_before.has_value() && !IsNarrow()) {
    // Often few keys of very many: those are sorted; otherwise it is a search like any other.
    auto found = FindSorted({ReaderByExpiry(false, std::nullopt)}, limits_.scanned, after);
    if (!found.ok()) return found.status();
    if (found->has_value()) return **std::move(found);
  }
  Page page(store_, params_, now_, limits_);
  const std::optional<KeyCursor> cursor =
      after.has_value() ? ParsePlace(order_, *after)->created : std::nullopt;
  absl::Status filled = FillByCreateTime(order_, cursor, /*only_unending=*/false, page);
  if (!filled.ok()) return filled;
  return std::move(page).Take();
}

absl::StatusOr<FoundKeys> KeySearch::FindByExpiry(const std::optional<std::string>& after) const {
  if (IsNarrow()) {
    // Few keys are sorted; many are found among all that expire, however rare they are there. But
    // not within projects: a page that ends among the keys of others would tell their ids and times
    // in its token.
    const size_t limit = reads_all_projects_ ? limits_.scanned : limits_.sorted;
    auto found = FindSorted(ReadersByCreateTime(kNewestFirst, std::nullopt), limit, after);
    if (!found.ok()) return found.status();
    if (found->has_value()) return **std::move(found);
    if (!reads_all_projects_) return TooManyToSort(limit);
  }
  const ParsedPlace place = after.has_value() ? *ParsePlace(order_, *after) : ParsedPlace();
  Page page(store_, params_, now_, limits_);
  const auto expiring = [&]() -> absl::Status {
    return ReaderByExpiry(order_.descending, place.expiring)(
        nullptr, [&](const KeyRecord& key) { return page.Look(key); });
  };
  const auto unending = [&]() -> absl::Status {
    if (params_.filter.expire_before.has_value()) return absl::OkStatus();
    return FillByCreateTime(kNewestFirst, place.created, /*only_unending=*/true, page);
  };
  // Those without an end stand on one side; a place names the side to go on with.
  if (order_.descending) {
    if (!place.expiring.has_value()) {
      if (absl::Status s = unending(); !s.ok()) return s;
    }
    if (!page.stopped()) {
      if (absl::Status s = expiring(); !s.ok()) return s;
    }
  } else {
    if (!place.created.has_value()) {
      if (absl::Status s = expiring(); !s.ok()) return s;
    }
    if (!page.stopped()) {
      if (absl::Status s = unending(); !s.ok()) return s;
    }
  }
  return std::move(page).Take();
}

absl::StatusOr<std::optional<FoundKeys>> KeySearch::FindSorted(
    const std::vector<KeyReader>& readers, size_t limit,
    const std::optional<std::string>& after) const {
  // The best of what was seen, one more than fits a page; the last of them on top.
  using Candidate = std::pair<std::string, KeyRecord>;
  const auto earlier = [](const Candidate& a, const Candidate& b) { return a.first < b.first; };
  std::vector<Candidate> best;
  KeyMatcher matcher(store_, params_.filter, now_);
  const bool by_use = order_.by == KeyOrder::kLastUsedTime;
  const auto consider = [&](const KeyRecord& key) {
    std::string place = PlaceOf(order_, key, by_use ? matcher.LastUse(key) : absl::InfinitePast());
    if (after.has_value() && place <= *after) return;
    const bool is_full = best.size() > params_.page_size;
    if (is_full && best.front().first < place) return;
    if (is_full) {
      std::pop_heap(best.begin(), best.end(), earlier);
      best.pop_back();
    }
    best.emplace_back(std::move(place), key);
    std::push_heap(best.begin(), best.end(), earlier);
  };
  Watch watch(limits_);
  bool too_many = false;
  for (const KeyReader& reader : readers) {
    absl::Status read = reader(nullptr, [&](const KeyRecord& key) {
      too_many = watch.looked() >= limit;
      if (too_many || !watch.Look()) return false;
      if (matcher.Passes(key)) consider(key);
      return matcher.status().ok();
    });
    if (read.ok()) read = watch.status();
    if (read.ok()) read = matcher.status();
    if (!read.ok()) return read;
    if (too_many) return std::nullopt;
  }
  std::sort_heap(best.begin(), best.end(), earlier);
  FoundKeys found;
  if (best.size() > params_.page_size) {
    best.resize(params_.page_size);
    found.go_on_behind = best.back().first;
  }
  for (Candidate& candidate : best) found.keys.push_back(std::move(candidate.second));
  return found;
}

}  // namespace claviger
