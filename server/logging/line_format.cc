#include "server/logging/line_format.h"

#include <cmath>
#include <cstddef>
#include <iterator>
#include <type_traits>

#include "core/text.h"
#include "fmt/format.h"
#include "server/logging/redact.h"

namespace claviger::log {
namespace {

// The length of the UTF-8 sequence that `text` begins with; 0 when it begins with none. `text` is
// not empty.
size_t Utf8Length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (length == 1) return 1;
  return text.size() >= length && IsValidUtf8(text.substr(0, length)) ? length : 0;
}

// C1 controls and the separators that terminals and editors break lines at.
bool BreaksLine(std::string_view character) {
  return (character.size() == 2 && character[0] == '\xC2' &&
          static_cast<unsigned char>(character[1]) < 0xA0) ||
         character == "\u2028" || character == "\u2029";
}

// The escapes that both formats share. Returns false when `byte` needs none.
bool AppendAsciiEscape(char byte, std::string& out) {
  switch (byte) {
    case '"':
      out += "\\\"";
      return true;
    case '\\':
      out += "\\\\";
      return true;
    case '\n':
      out += "\\n";
      return true;
    case '\r':
      out += "\\r";
      return true;
    case '\t':
      out += "\\t";
      return true;
    default:
      return false;
  }
}

bool IsPlainWord(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (c <= ' ' || c >= 0x7F || c == '"' || c == '\\' || c == '=') return false;
  }
  return true;
}

// Appends `text` in quotes. `escape_byte` writes a control character, or a byte that is not UTF-8.
template <typename EscapeByte>
void AppendQuoted(std::string_view text, std::string& out, EscapeByte escape_byte) {
  out += '"';
  while (!text.empty()) {
    const size_t length = Utf8Length(text);
    const std::string_view character = text.substr(0, length == 0 ? 1 : length);
    const auto first = static_cast<unsigned char>(character.front());
    if (length == 0) {
      escape_byte(first, /*is_utf8=*/false);
    } else if (BreaksLine(character)) {
      const unsigned code_point = length == 2 ? static_cast<unsigned char>(character[1])
                                              : 0x2000u + (character == "\u2028" ? 0x28u : 0x29u);
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", code_point);
    } else if (length == 1 && !AppendAsciiEscape(character.front(), out)) {
      if (first < 0x20 || first == 0x7F) {
        escape_byte(first, /*is_utf8=*/true);
      } else {
        out += character;
      }
    } else if (length > 1) {
      out += character;
    }
    text.remove_prefix(character.size());
  }
  out += '"';
}

// Appends a number, or null for what JSON has no number for.
void AppendNumber(double value, std::string& out) {
  if (std::isfinite(value)) {
    fmt::format_to(std::back_inserter(out), "{}", value);
  } else {
    out += "null";
  }
}

template <typename AppendString>
void AppendValue(const Field& field, std::string& out, AppendString append_string) {
  std::visit(
      [&](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::string_view>) {
          append_string(RedactKeys(value), out);
        } else if constexpr (std::is_same_v<T, double>) {
          AppendNumber(value, out);
        } else if constexpr (std::is_same_v<T, absl::Duration>) {
          AppendNumber(absl::ToDoubleSeconds(value), out);
        } else {
          fmt::format_to(std::back_inserter(out), "{}", value);
        }
      },
      field.value());
}

}  // namespace

void AppendJsonString(std::string_view text, std::string& out) {
  AppendQuoted(text, out, [&out](unsigned char byte, bool is_utf8) {
    if (is_utf8) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
    } else {
      out += "\\ufffd";
    }
  });
}

void AppendTextValue(std::string_view text, std::string& out) {
  if (IsPlainWord(text)) {
    out += text;
    return;
  }
  AppendQuoted(text, out, [&out](unsigned char byte, bool) {
    fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
  });
}

std::string FormatText(std::string_view message, Fields fields) {
  std::string out;
  // The message is a sentence, not a value: quoted only when it holds what would need an escape.
  const std::string redacted = RedactKeys(message);
  std::string quoted;
  AppendTextValue(redacted, quoted);
  const bool needs_escape = quoted.size() > redacted.size() + 2;
  out += needs_escape ? quoted : redacted;
  for (const Field& field : fields) {
    out += ' ';
    out += field.name();
    out += '=';
    AppendValue(field, out, AppendTextValue);
  }
  return out;
}

std::string FormatJson(std::string_view message, Fields fields) {
  std::string out = "\"message\":";
  AppendJsonString(RedactKeys(message), out);
  for (const Field& field : fields) {
    fmt::format_to(std::back_inserter(out), ",\"{}\":", field.name());
    AppendValue(field, out, AppendJsonString);
  }
  return out;
}

}  // namespace claviger::log
