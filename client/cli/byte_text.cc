#include "client/cli/byte_text.h"

#include <fmt/format.h>

#include <array>
#include <cstddef>

namespace claviger::cli {

std::string FormatBytes(uint64_t bytes) {
  constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB"};
  constexpr double kStep = 1024;
  // What would be shown as 1024.0 is one of the next unit.
  constexpr double kNext = kStep - 0.05;
  if (bytes < static_cast<uint64_t>(kStep)) return fmt::format("{} bytes", bytes);
  double amount = static_cast<double>(bytes) / kStep;
  size_t unit = 0;
  for (; amount >= kNext && unit + 1 < kUnits.size(); ++unit) amount /= kStep;
  return fmt::format("{:.1f} {}", amount, kUnits[unit]);
}

}  // namespace claviger::cli
