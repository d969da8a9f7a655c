// Searches the store for the keys of a list: picks what to read, and stops in time.
#ifndef CLAVIGER_SERVER_MANAGE_KEY_SEARCH_H_
#define CLAVIGER_SERVER_MANAGE_KEY_SEARCH_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/manage/caller.h"
#include "server/manage/key_list.h"
#include "server/manage/key_order.h"
#include "server/manage/key_reading.h"
#include "storage/key_store.h"

namespace claviger {

struct FoundKeys {
  std::vector<KeyRecord> keys;              // in the list's order, at most a page
  std::optional<std::string> go_on_behind;  // the place; nullopt: there are no more
};

// One search.
//
// Thread safety: none. All methods block on I/O.
class KeySearch {
 public:
  // All references outlive this.
  KeySearch(const KeyStore& store, const Caller& caller, const ListParams& params, absl::Time now,
            const ListLimits& limits);

  // The next page behind the place `after`, which ParsePlace takes.
  absl::StatusOr<FoundKeys> Find(const std::optional<std::string>& after);
  // All keys that match.
  absl::StatusOr<int64_t> Count();

 private:
  class Page;

  // Whether an owner, a label or projects leave only a part of the keys.
  bool IsNarrow() const { return HasOwnIndex() || !reads_all_projects_; }
  bool HasOwnIndex() const {
    return !params_.filter.owner.empty() || !params_.filter.labels.empty();
  }

  // By create time, with owner, label and projects, between the times of creation asked for.
  std::vector<KeyReader> ReadersByCreateTime(const ListOrder& order,
                                             const std::optional<KeyCursor>& after) const;
  // Of all projects: only for who may read them all, since a page may end at any key of it.
  KeyReader ReaderByExpiry(bool latest_first, const std::optional<ExpiryCursor>& after) const;
  // Whether nothing behind `key` in the order of creation can match.
  bool IsPastTheTimes(const KeyRecord& key, const ListOrder& order) const;

  absl::Status FillByCreateTime(const ListOrder& order, const std::optional<KeyCursor>& after,
                                bool only_unending, Page& page) const;
  absl::StatusOr<FoundKeys> FindByCreateTime(const std::optional<std::string>& after) const;
  absl::StatusOr<FoundKeys> FindByExpiry(const std::optional<std::string>& after) const;
  // Sorts what `readers` give; nullopt when that is more than `limit`.
  absl::StatusOr<std::optional<FoundKeys>> FindSorted(
      const std::vector<KeyReader>& readers, size_t limit,
      const std::optional<std::string>& after) const;

  const KeyStore& store_;
  const ListParams& params_;
  const absl::Time now_;
  const ListLimits& limits_;
  const ListOrder order_;
  // What is read: the empty project stands for all.
  std::vector<std::string> projects_;
  bool reads_all_projects_ = false;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_KEY_SEARCH_H_
