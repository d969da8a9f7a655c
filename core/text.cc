#include "core/text.h"

#include <optional>

#include "core/status.h"
#include "fmt/format.h"

namespace claviger {
namespace {

constexpr size_t kMaxLabelKeyLength = 63;
constexpr size_t kMaxLabelValueCharacters = 128;

// Takes one code point off the front of `rest`, which is not empty; nullopt where it is not
// well-formed UTF-8. The bounds are those of RFC 3629, section 4.
std::optional<char32_t> TakeCodePoint(std::string_view& rest) {
  const auto lead = static_cast<unsigned char>(rest[0]);
  size_t length = 1;
  char32_t code_point = lead;
  char32_t smallest = 0;
  if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    code_point = lead & 0x07U;
    smallest = 0x10000;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    code_point = lead & 0x0FU;
    smallest = 0x800;
  } else if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
    code_point = lead & 0x1FU;
    smallest = 0x80;
  } else if (lead >= 0x80) {
    return std::nullopt;
  }
  if (rest.size() < length) return std::nullopt;
  for (size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(rest[i]);
    if ((next & 0xC0U) != 0x80U) return std::nullopt;
    code_point = (code_point << 6U) | (next & 0x3FU);
  }
  const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
  if (code_point < smallest || code_point > 0x10FFFF || surrogate) return std::nullopt;
  rest.remove_prefix(length);
  return code_point;
}

bool IsControl(char32_t c) { return c < 0x20 || (c >= 0x7F && c <= 0x9F); }

// Embeddings, overrides and isolates: they reorder the text around them.
bool IsBidirectionalOverride(char32_t c) {
  return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

// Unicode's White_Space, and what is drawn without any width.
bool IsBlank(char32_t c) {
  return c == ' ' || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200D) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x2060 || c == 0x3000 || c == 0xFEFF;
}

bool IsLabelKey(std::string_view key) {
  if (key.empty() || key.size() > kMaxLabelKeyLength) return false;
  if (key[0] < 'a' || key[0] > 'z') return false;
  for (const char c : key) {
    const bool accepted =
        (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
    if (!accepted) return false;
  }
  return true;
}

}  // namespace

bool IsValidUtf8(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!TakeCodePoint(bytes).has_value()) return false;
  }
  return true;
}

absl::Status CheckText(std::string_view field, std::string_view text, size_t max_characters) {
  size_t characters = 0;
  while (!text.empty()) {
    const std::optional<char32_t> c = TakeCodePoint(text);
    if (!c.has_value()) return InvalidField(std::string(field), "must be well-formed UTF-8");
    if (IsControl(*c) || IsBidirectionalOverride(*c)) {
      return InvalidField(std::string(field),
                          "must not have control characters or bidirectional overrides");
    }
    if (++characters > max_characters) {
      return InvalidField(std::string(field),
                          fmt::format("must have at most {} characters", max_characters));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckName(std::string_view field, std::string_view text, size_t max_characters) {
  if (absl::Status s = CheckText(field, text, max_characters); !s.ok()) return s;
  if (text.empty()) return absl::OkStatus();
  while (!text.empty()) {
    if (!IsBlank(*TakeCodePoint(text))) return absl::OkStatus();
  }
  return InvalidField(std::string(field), "must not be only blanks");
}

absl::Status CheckRequiredName(std::string_view field, std::string_view text,
                               size_t max_characters) {
  if (text.empty()) {
    return RequiredField(std::string(field),
                         fmt::format("must have 1 to {} characters", max_characters));
  }
  return CheckName(field, text, max_characters);
}

absl::Status CheckLabel(std::string_view field, std::string_view key, std::string_view value) {
  if (!IsLabelKey(key)) {
    return InvalidField(std::string(field), "the key of a label must match [a-z][a-z0-9_.-]{0,62}");
  }
  return CheckText(field, value, kMaxLabelValueCharacters);
}

}  // namespace claviger
