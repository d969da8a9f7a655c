#include "server/manage/key_list.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "core/status.h"
#include "server/manage/page_token.h"
#include "server/manage/permissions.h"

namespace claviger {
namespace {

// A place in a list: the value that is sorted by, then create time (newest first), then id.
// Comparing places compares keys in the order of the list.
struct Place {
  std::string value;  // compares bytewise; complemented for descending order
  int64_t newest_first = 0;
  KeyId id;

  friend auto operator<=>(const Place&, const Place&) = default;
};

std::string BigEndian(uint64_t number) {
  std::string bytes(8, '\0');
  for (int i = 7; i >= 0; --i, number >>= 8) bytes[i] = static_cast<char>(number & 0xff);
  return bytes;
}

// Nanoseconds since 1970, order-preserving as an unsigned number.
uint64_t Sortable(absl::Time time) {
  return static_cast<uint64_t>(absl::ToUnixNanos(time)) ^ (uint64_t{1} << 63);
}

std::string OrderValue(const ListParams& params, const KeyRecord& key, absl::Time last_use) {
  switch (params.order) {
    case KeyOrder::kLastUsedTime: {
      const uint64_t time = last_use == absl::InfinitePast() ? 0 : Sortable(last_use);
      return BigEndian(params.descending ? ~time : time);
    }
    case KeyOrder::kCreateTime:
      return BigEndian(params.descending ? ~Sortable(key.create_time) : Sortable(key.create_time));
    case KeyOrder::kExpireTime: {
      const uint64_t end = key.expire_time.has_value() ? Sortable(*key.expire_time)
                                                       : std::numeric_limits<uint64_t>::max();
      return BigEndian(params.descending ? ~end : end);
    }
    case KeyOrder::kName: {
      std::string name = absl::AsciiStrToLower(key.display_name);
      if (!params.descending) return name;
      // The end mark keeps `ab` behind `abc` once the bytes are complemented; no name contains NUL.
      name.push_back('\0');
      for (char& c : name) c = static_cast<char>(~c);
      return name;
    }
  }
  return {};
}

Place PlaceOf(const ListParams& params, const KeyRecord& key, absl::Time last_use) {
  return {OrderValue(params, key, last_use), -absl::ToUnixNanos(key.create_time), key.id};
}

std::string EncodePlace(const Place& place) {
  std::string bytes = BigEndian(static_cast<uint64_t>(place.newest_first));
  bytes.append(place.id.text());
  bytes.append(place.value);
  return bytes;
}

absl::StatusOr<Place> DecodePlace(const std::string& bytes) {
  if (bytes.size() < 8 + kKeyIdLength) return InvalidPageToken();
  Place place;
  uint64_t number = 0;
  for (int i = 0; i < 8; ++i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  place.newest_first = static_cast<int64_t>(number);
  if (place.newest_first == std::numeric_limits<int64_t>::min()) return InvalidPageToken();
  const std::optional<KeyId> id = KeyId::Parse(std::string_view(bytes).substr(8, kKeyIdLength));
  if (!id.has_value()) return InvalidPageToken();
  place.id = *id;
  place.value = bytes.substr(8 + kKeyIdLength);
  return place;
}

// The best `limit` keys seen so far, in list order.
class PageBuilder {
 public:
  PageBuilder(size_t limit, std::optional<Place> after) : limit_(limit), after_(std::move(after)) {}

  // Whether a key at `place` belongs to what is kept; false also for places of pages before.
  bool Wants(const Place& place) const {
    if (after_.has_value() && !(*after_ < place)) return false;
    return heap_.size() < limit_ || place < heap_.front().first;
  }

  void Add(Place place, const KeyRecord& key) {
    heap_.emplace_back(std::move(place), key);
    std::push_heap(heap_.begin(), heap_.end(), ByPlace);
    if (heap_.size() <= limit_) return;
    std::pop_heap(heap_.begin(), heap_.end(), ByPlace);
    heap_.pop_back();
  }

  // Whether neither `place` nor any with a later value can be wanted any more. Places of the same
  // value may still be: the store gives them in an order of its own.
  bool IsPast(const Place& place) const {
    return heap_.size() == limit_ && heap_.front().first.value < place.value;
  }

  std::vector<std::pair<Place, KeyRecord>> TakeSorted() {
    std::sort_heap(heap_.begin(), heap_.end(), ByPlace);
    return std::move(heap_);
  }

 private:
  static bool ByPlace(const std::pair<Place, KeyRecord>& a, const std::pair<Place, KeyRecord>& b) {
    return a.first < b.first;
  }

  const size_t limit_;
  const std::optional<Place> after_;
  std::vector<std::pair<Place, KeyRecord>> heap_;
};

absl::StatusOr<std::vector<std::string>> VisibleProjects(const KeyStore& store,
                                                         const Caller& caller,
                                                         const std::vector<std::string>& wanted) {
  std::vector<std::string> visible;
  if (!wanted.empty()) {
    for (const std::string& project_id : wanted) {
      if (caller.IsBoundTo(project_id)) visible.push_back(project_id);
    }
    std::sort(visible.begin(), visible.end());
    visible.erase(std::unique(visible.begin(), visible.end()), visible.end());
    return visible;
  }
  absl::Status scanned = store.ScanProjects("", [&](const ProjectRecord& project) {
    if (caller.IsBoundTo(project.project_id)) visible.push_back(project.project_id);
    return true;
  });
  if (!scanned.ok()) return scanned;
  return visible;
}

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
                                 const ListParams& params, absl::Time now) {
  if (absl::Status s = caller.Require(permission::kKeysRead); !s.ok()) return s;
  std::optional<Place> after;
  if (!params.page_token.empty()) {
    absl::StatusOr<std::string> position =
        DecodePageToken(params.arguments_hash, params.page_token);
    if (!position.ok()) return position.status();
    absl::StatusOr<Place> place = DecodePlace(*position);
    if (!place.ok()) return place.status();
    after = *std::move(place);
  }
  absl::StatusOr<std::vector<std::string>> projects =
      VisibleProjects(store, caller, params.filter.project_ids);
  if (!projects.ok()) return projects.status();

  const bool by_index = params.order == KeyOrder::kCreateTime;
  KeyPage page;
  PageBuilder builder(params.page_size + 1, after);
  for (const std::string& project_id : *projects) {
    KeyScan scan{.project_id = project_id,
                 .after = std::nullopt,
                 .oldest_first = by_index && !params.descending};
    if (by_index && after.has_value() && !params.include_total_size) {
      // One step before the exact place: keys of the same time are told apart by the builder.
      const absl::Time time = absl::FromUnixNanos(-after->newest_first);
      scan.after = KeyCursor{
          scan.oldest_first ? time - absl::Nanoseconds(1) : time + absl::Nanoseconds(1), KeyId()};
    }
    absl::Status read_use;
    absl::Time last_use = absl::InfinitePast();
    const auto find_last_use = [&](const KeyRecord& key) {
      const absl::StatusOr<absl::Time> found = LastUseTime(store, key.id);
      read_use = found.status();
      last_use = found.ok() ? *found : absl::InfinitePast();
      return found.ok();
    };
    const bool by_use = params.order == KeyOrder::kLastUsedTime;
    absl::Status scanned = store.ScanKeys(scan, [&](const KeyRecord& key) {
      if (by_use && !find_last_use(key)) return false;
      const Place place = PlaceOf(params, key, last_use);
      if (by_index && !params.include_total_size && builder.IsPast(place)) return false;
      const bool wanted = builder.Wants(place);
      if ((wanted || params.include_total_size) && Matches(params.filter, key, now)) {
        if (!params.filter.use.empty()) {
          if (!by_use && !find_last_use(key)) return false;
          if (!MatchesUse(params.filter.use, key, last_use)) return true;
        }
        ++page.total_size;
        if (wanted) builder.Add(place, key);
      }
      return true;
    });
    if (!scanned.ok()) return scanned;
    if (!read_use.ok()) return read_use;
  }
  std::vector<std::pair<Place, KeyRecord>> sorted = builder.TakeSorted();
  if (sorted.size() > params.page_size) {
    page.next_page_token =
        EncodePageToken(params.arguments_hash, EncodePlace(sorted[params.page_size - 1].first));
    sorted.resize(params.page_size);
  }
  for (auto& [place, key] : sorted) page.keys.push_back(std::move(key));
  if (!params.include_total_size) page.total_size = 0;
  return page;
}

}  // namespace claviger
