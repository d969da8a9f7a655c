// `claviger scan` over any bytes. The first byte of an input says in how long pieces the rest
// comes.
#include <algorithm>
#include <string>
#include <vector>

#include "client/cli/key_finder.h"
#include "core/key_format.h"
#include "server/logging/redact.h"
#include "tests/fuzz/fuzz.h"

namespace claviger::cli {
namespace {

struct Place {
  std::string text;
  uint64_t line;
  uint64_t column;

  friend bool operator==(const Place&, const Place&) = default;
};

std::vector<Place> Find(std::string_view bytes, size_t piece) {
  std::vector<Place> places;
  KeyFinder finder([&places](const FoundKey& found) {
    places.push_back({std::string(found.text), found.line, found.column});
  });
  while (!bytes.empty()) {
    finder.Feed(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  finder.Finish();
  return places;
}

// Where in `bytes` line and column are.
size_t OffsetOf(std::string_view bytes, const Place& place) {
  size_t offset = 0;
  for (uint64_t line = 1; line < place.line; ++line) {
    offset = bytes.find('\n', offset);
    FUZZ_CHECK(offset != std::string_view::npos);
    ++offset;
  }
  return offset + place.column - 1;
}

void CheckScan(size_t piece, std::string_view bytes) {
  const std::vector<Place> whole = Find(bytes, std::max<size_t>(bytes.size(), 1));
  FUZZ_CHECK(Find(bytes, piece) == whole);
  std::vector<bool> found(bytes.size());
  for (const Place& place : whole) {
    FUZZ_CHECK(ParseKey(place.text).has_value());
    const size_t at = OffsetOf(bytes, place);
    FUZZ_CHECK(bytes.substr(at, place.text.size()) == place.text);
    std::fill_n(found.begin() + static_cast<std::ptrdiff_t>(at), place.text.size(), true);
  }
  // The log, which does not ask for the checksum, hides them all.
  FUZZ_CHECK(Find(log::RedactKeys(bytes), 4096).empty());
  // No key is overlooked, but for one that another key runs into.
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (size_t size = 74; size <= kMaxKeyLength && at + size <= bytes.size(); ++size) {
      if (!ParseKey(bytes.substr(at, size)).has_value()) continue;
      FUZZ_CHECK(std::find(found.begin() + static_cast<std::ptrdiff_t>(at),
                           found.begin() + static_cast<std::ptrdiff_t>(at + size),
                           true) != found.begin() + static_cast<std::ptrdiff_t>(at + size));
    }
  }
}

}  // namespace
}  // namespace claviger::cli

FUZZ_TARGET(key_finder) {
  if (input.empty()) return;
  const size_t piece = static_cast<unsigned char>(input[0]);
  claviger::cli::CheckScan(piece + 1, input.substr(1));
}
