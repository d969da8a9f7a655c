// Positions in the history of all changes.
#ifndef CLAVIGER_CORE_REVISION_H_
#define CLAVIGER_CORE_REVISION_H_

#include <array>
#include <compare>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace claviger {

// Number of a committed mutation: dense, from 1 on. 0 means "before the first change".
struct Revision {
  uint64_t value = 0;

  Revision Next() const { return Revision{value + 1}; }
  friend auto operator<=>(const Revision&, const Revision&) = default;
};

// Random 128-bit name of a history of revisions. A new history (creation, restore) has a new epoch,
// a restart keeps it; revisions of different epochs do not compare.
struct Epoch {
  std::array<uint8_t, 16> bytes{};

  // 32 lower-case hexadecimal digits.
  std::string ToHex() const;
  // The 16 raw bytes, as they stand on the wire.
  std::string ToBytes() const;
  // INVALID_ARGUMENT unless `raw` has 16 bytes.
  static absl::StatusOr<Epoch> FromBytes(const std::string& raw);

  friend bool operator==(const Epoch&, const Epoch&) = default;
};

}  // namespace claviger

#endif  // CLAVIGER_CORE_REVISION_H_
