// Sizes, durations and switches as people write them in settings.
#ifndef CLAVIGER_SERVER_CONFIG_VALUES_H_
#define CLAVIGER_SERVER_CONFIG_VALUES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace claviger {

inline constexpr std::string_view kSizeSyntax = "a size in bytes, KiB, MiB or GiB, e.g. 256MiB";
inline constexpr std::string_view kDurationSyntax = "a duration, e.g. 500ms, 10s, 5m or 1h";
inline constexpr std::string_view kSwitchSyntax = "true or false";
inline constexpr std::string_view kCountSyntax = "a whole number";

// nullopt unless `text` is as kSizeSyntax says and fits 64 bits.
std::optional<uint64_t> ParseSize(std::string_view text);
// In the largest unit without a remainder; ParseSize takes it back.
std::string FormatSize(uint64_t bytes);

// nullopt unless `text` is as kDurationSyntax says: finite, not negative.
std::optional<absl::Duration> ParseDuration(std::string_view text);

std::optional<bool> ParseSwitch(std::string_view text);
std::optional<uint64_t> ParseCount(std::string_view text);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_CONFIG_VALUES_H_
