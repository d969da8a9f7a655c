#include "client/cli/display_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "core/text.h"

namespace claviger::cli {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// From Unicode's general categories Mn and Me and the zero-width format characters: the blocks
// that occur in names.
constexpr std::array<Range, 19> kZeroWidth = {{
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x0610, 0x061A},   {0x064B, 0x065F},
    {0x06D6, 0x06DC}, {0x0900, 0x0902}, {0x093C, 0x093C}, {0x0941, 0x0948},   {0x094D, 0x094D},
    {0x0E31, 0x0E31}, {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E}, {0x1AB0, 0x1AFF},   {0x1DC0, 0x1DFF},
    {0x200B, 0x200D}, {0x20D0, 0x20FF}, {0xFE00, 0xFE2F}, {0xE0100, 0xE01EF},
}};

// East Asian Width W and F (Unicode Standard Annex 11), and emoji.
constexpr std::array<Range, 15> kWide = {{
    {0x1100, 0x115F},
    {0x2E80, 0x303E},
    {0x3041, 0x33FF},
    {0x3400, 0x4DBF},
    {0x4E00, 0x9FFF},
    {0xA000, 0xA4CF},
    {0xAC00, 0xD7A3},
    {0xF900, 0xFAFF},
    {0xFE30, 0xFE6F},
    {0xFF00, 0xFF60},
    {0xFFE0, 0xFFE6},
    {0x1F300, 0x1F64F},
    {0x1F680, 0x1F6FF},
    {0x1F900, 0x1F9FF},
    {0x20000, 0x3FFFD},
}};

template <size_t N>
bool InOneOf(const std::array<Range, N>& ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [c](const Range& range) { return range.first <= c && c <= range.last; });
}

size_t WidthOf(char32_t c) {
  if (c < 0x300) return 1;
  if (InOneOf(kZeroWidth, c)) return 0;
  return InOneOf(kWide, c) ? 2 : 1;
}

// Length in bytes of the UTF-8 character that `lead` begins; 1 for bytes that begin none.
size_t SequenceLength(unsigned char lead) {
  if (lead >= 0xF0) return 4;
  if (lead >= 0xE0) return 3;
  return lead >= 0xC0 ? 2 : 1;
}

struct Character {
  std::string_view bytes;
  // nullopt: not UTF-8.
  std::optional<char32_t> code_point;
};

// Takes the first character off `text`. REQUIRES: `text` is not empty.
Character TakeCharacter(std::string_view& text) {
  const size_t length = SequenceLength(static_cast<unsigned char>(text[0]));
  const std::string_view bytes = text.substr(0, length);
  if (bytes.size() < length || !IsValidUtf8(bytes)) {
    const Character broken{text.substr(0, 1), std::nullopt};
    text.remove_prefix(1);
    return broken;
  }
  const auto lead = static_cast<unsigned char>(bytes[0]);
  char32_t code_point = length == 1 ? lead : lead & (0xFFU >> (length + 1));
  for (const char c : bytes.substr(1)) {
    code_point = (code_point << 6) | (static_cast<unsigned char>(c) & 0x3FU);
  }
  text.remove_prefix(length);
  return {bytes, code_point};
}

bool IsControl(char32_t c) { return c < 0x20 || (c >= 0x7F && c <= 0x9F); }

// Characters that reorder or break the line around them.
bool IsLayoutControl(char32_t c) {
  return c == 0x061C || (c >= 0x200E && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
         (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

// The beginning of `text` that takes at most `width` columns.
std::string_view Head(std::string_view text, size_t width) {
  std::string_view rest = text;
  size_t used = 0;
  while (!rest.empty()) {
    std::string_view after = rest;
    used += WidthOf(TakeCharacter(after).code_point.value_or(U'?'));
    if (used > width) break;
    rest = after;
  }
  return text.substr(0, text.size() - rest.size());
}

}  // namespace

std::string EscapeForTerminal(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  while (!text.empty()) {
    const Character character = TakeCharacter(text);
    if (!character.code_point.has_value()) {
      escaped += fmt::format("\\x{:02x}", static_cast<unsigned char>(character.bytes[0]));
    } else if (IsControl(*character.code_point)) {
      escaped += fmt::format("\\x{:02x}", static_cast<uint32_t>(*character.code_point));
    } else if (IsLayoutControl(*character.code_point)) {
      escaped += fmt::format("\\u{{{:x}}}", static_cast<uint32_t>(*character.code_point));
    } else {
      escaped += character.bytes;
    }
  }
  return escaped;
}

size_t DisplayWidth(std::string_view text) {
  size_t width = 0;
  while (!text.empty()) width += WidthOf(TakeCharacter(text).code_point.value_or(U'?'));
  return width;
}

std::string Truncate(std::string_view text, size_t width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  if (width == 0) return "";
  return std::string(Head(text, width - 1)) + "…";
}

std::vector<std::string> Wrap(std::string_view text, size_t width) {
  width = std::max<size_t>(width, 1);
  std::vector<std::string> lines;
  for (std::string_view head = Head(text, width); head.size() < text.size();
       head = Head(text, width)) {
    // A wide character in a column of one: shown whole all the same.
    if (head.empty()) head = text.substr(0, SequenceLength(static_cast<unsigned char>(text[0])));
    const bool ends_at_space = head.size() < text.size() && text[head.size()] == ' ';
    const size_t space = head.rfind(' ');
    if (!ends_at_space && space != std::string_view::npos && space > 0)
      head = head.substr(0, space);
    lines.emplace_back(head);
    text.remove_prefix(head.size());
    if (text.starts_with(' ')) text.remove_prefix(1);
  }
  if (!text.empty() || lines.empty()) lines.emplace_back(text);
  return lines;
}

}  // namespace claviger::cli
