#include "core/revision.h"

#include <algorithm>

#include "core/digest.h"
#include "core/status.h"

namespace claviger {

std::string Epoch::ToHex() const { return claviger::ToHex(ToBytes()); }

std::string Epoch::ToBytes() const { return std::string(bytes.begin(), bytes.end()); }

absl::StatusOr<Epoch> Epoch::FromBytes(const std::string& raw) {
  Epoch epoch;
  if (raw.size() != epoch.bytes.size()) return InvalidField("epoch", "must have 16 bytes");
  std::copy(raw.begin(), raw.end(), epoch.bytes.begin());
  return epoch;
}

}  // namespace claviger
