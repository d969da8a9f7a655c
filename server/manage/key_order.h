// The orders of a list of keys, and places in them.
#ifndef CLAVIGER_SERVER_MANAGE_KEY_ORDER_H_
#define CLAVIGER_SERVER_MANAGE_KEY_ORDER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "core/key_record.h"
#include "storage/key_store.h"

namespace claviger {

enum class KeyOrder : uint8_t { kCreateTime, kName, kExpireTime, kLastUsedTime };

// Every order is total, so that a key is never skipped or shown twice for standing beside another:
// - by create time; descending, keys of one moment have their ids ascending, and ascending is the
//   exact reverse;
// - by expire time, then by id, or the exact reverse; keys that never expire come last, or first
//   when descending, the newest of them first;
// - by name (ASCII case does not matter), then newest first;
// - by last use, then newest first; what was not used is the longest ago. A key that is used moves.
struct ListOrder {
  KeyOrder by = KeyOrder::kCreateTime;
  bool descending = true;
};

// Where `key` stands: compares bytewise as the list is ordered. This is what a page token holds.
// `last_use` decides in the order by last use only; InfinitePast: not known.
std::string PlaceOf(const ListOrder& order, const KeyRecord& key,
                    absl::Time last_use = absl::InfinitePast());

// A place in the terms of the store.
struct ParsedPlace {
  std::optional<KeyCursor> created;      // by create time; by expire time: of those without one
  std::optional<ExpiryCursor> expiring;  // by expire time: of those that have one
};

// nullopt unless `place` may have come of PlaceOf with this order.
std::optional<ParsedPlace> ParsePlace(const ListOrder& order, std::string_view place);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_KEY_ORDER_H_
