#include "server/manage/key_order.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "core/key_format.h"

namespace claviger {
namespace {

// Time and id.
constexpr size_t kTimeBytes = 8;
constexpr size_t kPlaceBytes = kTimeBytes + kKeyIdLength;
// Stand for the expire time that a key does not have: no time in a record comes near them.
constexpr uint64_t kNeverLast = ~uint64_t{0};
constexpr uint64_t kNeverFirst = 0;

// Nanoseconds since 1970, order-preserving as an unsigned number.
uint64_t Sortable(absl::Time time) {
  return static_cast<uint64_t>(absl::ToUnixNanos(time)) ^ (uint64_t{1} << 63);
}

absl::Time FromSortable(uint64_t number) {
  return absl::FromUnixNanos(static_cast<int64_t>(number ^ (uint64_t{1} << 63)));
}

void AppendNumber(uint64_t number, std::string& out) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(number >> shift));
}

uint64_t ReadNumber(std::string_view bytes) {
  uint64_t number = 0;
  for (size_t i = 0; i < kTimeBytes; ++i) number = number << 8 | static_cast<uint8_t>(bytes[i]);
  return number;
}

std::string Complement(std::string_view bytes) {
  std::string complement(bytes);
  for (char& byte : complement) byte = static_cast<char>(~byte);
  return complement;
}

// `time` then id, or, `reversed`, the exact reverse of that.
void AppendPlace(absl::Time time, const KeyId& id, bool reversed, std::string& out) {
  AppendNumber(reversed ? ~Sortable(time) : Sortable(time), out);
  out.append(reversed ? Complement(id.text()) : id.ToString());
}

// Newest first, then id ascending: the order of the store's index.
void AppendNewestFirst(const KeyRecord& key, std::string& out) {
  AppendNumber(~Sortable(key.create_time), out);
  out.append(key.id.text());
}

std::optional<KeyCursor> ReadNewestFirst(std::string_view place) {
  if (place.size() != kPlaceBytes) return std::nullopt;
  const std::optional<KeyId> id = KeyId::Parse(place.substr(kTimeBytes));
  if (!id.has_value()) return std::nullopt;
  return KeyCursor{FromSortable(~ReadNumber(place)), *id};
}

std::optional<KeyCursor> ReadOldestFirst(std::string_view place) {
  return ReadNewestFirst(Complement(place));
}

std::optional<ExpiryCursor> ReadExpiring(std::string_view place, bool reversed) {
  if (place.size() != kPlaceBytes) return std::nullopt;
  const std::string bytes = reversed ? Complement(place) : std::string(place);
  const std::optional<KeyId> id = KeyId::Parse(std::string_view(bytes).substr(kTimeBytes));
  if (!id.has_value()) return std::nullopt;
  return ExpiryCursor{FromSortable(ReadNumber(bytes)), *id};
}

std::string NamePlace(const KeyRecord& key, bool descending) {
  std::string place = absl::AsciiStrToLower(key.display_name);
  // The end mark keeps `ab` before `abc`; no name contains NUL.
  place.push_back('\0');
  if (descending) place = Complement(place);
  AppendNewestFirst(key, place);
  return place;
}

}  // namespace

std::string PlaceOf(const ListOrder& order, const KeyRecord& key, absl::Time last_use) {
  std::string place;
  switch (order.by) {
    case KeyOrder::kCreateTime:
      AppendNewestFirst(key, place);
      return order.descending ? place : Complement(place);
    case KeyOrder::kExpireTime:
      if (key.expire_time.has_value()) {
        AppendPlace(*key.expire_time, key.id, order.descending, place);
      } else {
        AppendNumber(order.descending ? kNeverFirst : kNeverLast, place);
        AppendNewestFirst(key, place);
      }
      return place;
    case KeyOrder::kName:
      return NamePlace(key, order.descending);
    case KeyOrder::kLastUsedTime: {
      const uint64_t time = last_use == absl::InfinitePast() ? 0 : Sortable(last_use);
      AppendNumber(order.descending ? ~time : time, place);
      AppendNewestFirst(key, place);
      return place;
    }
  }
  return place;
}

std::optional<ParsedPlace> ParsePlace(const ListOrder& order, std::string_view place) {
  ParsedPlace parsed;
  switch (order.by) {
    case KeyOrder::kCreateTime:
      parsed.created = order.descending ? ReadNewestFirst(place) : ReadOldestFirst(place);
      if (parsed.created.has_value()) return parsed;
      return std::nullopt;
    case KeyOrder::kExpireTime:
      if (place.size() == kTimeBytes + kPlaceBytes) {
        if (ReadNumber(place) != (order.descending ? kNeverFirst : kNeverLast)) return std::nullopt;
        parsed.created = ReadNewestFirst(place.substr(kTimeBytes));
      } else {
        parsed.expiring = ReadExpiring(place, order.descending);
      }
      if (parsed.created.has_value() || parsed.expiring.has_value()) return parsed;
      return std::nullopt;
    case KeyOrder::kName:
      if (place.size() <= kPlaceBytes ||
          !ReadNewestFirst(place.substr(place.size() - kPlaceBytes)).has_value()) {
        return std::nullopt;
      }
      return parsed;
    case KeyOrder::kLastUsedTime:
      if (place.size() != kTimeBytes + kPlaceBytes ||
          !ReadNewestFirst(place.substr(kTimeBytes)).has_value()) {
        return std::nullopt;
      }
      return parsed;
  }
  return std::nullopt;
}

}  // namespace claviger
