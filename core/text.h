// Bounds of text that people give and other people will read.
#ifndef CLAVIGER_CORE_TEXT_H_
#define CLAVIGER_CORE_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace claviger {

inline constexpr size_t kMaxNameCharacters = 128;
inline constexpr size_t kMaxDescriptionCharacters = 1024;
inline constexpr size_t kMaxLabels = 32;
inline constexpr size_t kMaxMetadataBytes = 4096;

// Whether `bytes` is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates). Linear.
bool IsValidUtf8(std::string_view bytes);

// OK when `text` is UTF-8 without control characters (C0, DEL, C1, and the bidirectional overrides
// that can make a name read as another one) and has at most `max_characters` code points; else
// INVALID_ARGUMENT naming `field`.
absl::Status CheckText(std::string_view field, std::string_view text, size_t max_characters);
// The same, for what people are to recognise something by: may be empty, but not blank, which is
// nothing but spaces and what takes up no room.
absl::Status CheckName(std::string_view field, std::string_view text, size_t max_characters);
// The same, and not empty.
absl::Status CheckRequiredName(std::string_view field, std::string_view text,
                               size_t max_characters);

// OK when `key` and `value` may be a label: `[a-z][a-z0-9_.-]{0,62}` and at most 128 characters.
absl::Status CheckLabel(std::string_view field, std::string_view key, std::string_view value);

}  // namespace claviger

#endif  // CLAVIGER_CORE_TEXT_H_
