#include "server/manage/key_list.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "core/status.h"
#include "server/manage/key_search.h"
#include "server/manage/page_token.h"
#include "server/manage/permissions.h"

namespace claviger {
namespace {

bool MatchesState(const KeyFilter& filter, KeyState state) {
  if (filter.hide_revoked && state == KeyState::kRevoked) return false;
  if (filter.states.empty()) return state != KeyState::kDeleted;
  return std::find(filter.states.begin(), filter.states.end(), state) != filter.states.end();
}

bool MatchesTimes(const KeyFilter& filter, const KeyRecord& key) {
  if (filter.created_before.has_value() && key.create_time >= *filter.created_before) return false;
  if (filter.created_after.has_value() && key.create_time < *filter.created_after) return false;
  const absl::Time end = key.expire_time.value_or(absl::InfiniteFuture());
  if (filter.expire_before.has_value() && end >= *filter.expire_before) return false;
  return !filter.expire_after.has_value() || end >= *filter.expire_after;
}

bool MatchesLabels(const KeyFilter& filter, const KeyRecord& key) {
  return std::all_of(filter.labels.begin(), filter.labels.end(), [&](const auto& wanted) {
    const auto it = key.labels.find(wanted.first);
    return it != key.labels.end() && it->second == wanted.second;
  });
}

}  // namespace

bool Matches(const KeyFilter& filter, const KeyRecord& key, absl::Time now) {
  if (!MatchesState(filter, StateOf(key, now)) || !MatchesTimes(filter, key)) return false;
  if (!filter.owner.empty() && key.owner != filter.owner) return false;
  if (filter.environment.has_value() && key.environment != *filter.environment) return false;
  if (!filter.scope.empty() && !key.scopes.Covers(filter.scope)) return false;
  if (!MatchesLabels(filter, key)) return false;
  return filter.name_contains.empty() ||
         absl::StrContains(absl::AsciiStrToLower(key.display_name),
                           absl::AsciiStrToLower(filter.name_contains));
}

absl::StatusOr<KeyPage> ListKeys(const KeyStore& store, const Caller& caller,
                                 const ListParams& params, absl::Time now,
                                 const ListLimits& limits) {
  if (absl::Status s = caller.Require(permission::kKeysRead); !s.ok()) return s;
  std::optional<std::string> after;
  if (!params.page_token.empty()) {
    absl::StatusOr<std::string> place = DecodePageToken(params.arguments_hash, params.page_token);
    if (!place.ok()) return place.status();
    if (!ParsePlace({params.order, params.descending}, *place)) return InvalidPageToken();
    after = *std::move(place);
  }
  KeySearch search(store, caller, params, now, limits);
  absl::StatusOr<FoundKeys> found = search.Find(after);
  if (!found.ok()) return found.status();
  KeyPage page;
  page.keys = std::move(found->keys);
  if (found->go_on_behind.has_value()) {
    page.next_page_token = EncodePageToken(params.arguments_hash, *found->go_on_behind);
  }
  if (params.include_total_size) {
    const absl::StatusOr<int64_t> count = search.Count();
    if (!count.ok()) return count.status();
    page.total_size = *count;
  }
  return page;
}

}  // namespace claviger
