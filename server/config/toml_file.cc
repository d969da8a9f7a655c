#include "server/config/toml_file.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string_view>

#include "core/status.h"
#include "core/text.h"
#include "fmt/format.h"
#include "server/config/values.h"

namespace claviger {
namespace {

constexpr size_t kMaxFileBytes = 1 << 20;

absl::Status BadLine(int line, std::string_view problem) {
  return ErrorBuilder(absl::StatusCode::kInvalidArgument, Reason::kConfigInvalid)
      .Build(fmt::format("line {}: {}", line, problem));
}

bool IsSpace(char c) { return c == ' ' || c == '\t'; }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && (IsSpace(text.back()) || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

bool IsBareKey(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

std::optional<char> Unescape(char c) {
  switch (c) {
    case '"':
    case '\\':
      return c;
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    default:
      return std::nullopt;
  }
}

// Takes a string with its quotes off the front of `text`; nullopt when it does not end or holds an
// escape that is not known.
std::optional<std::string> TakeString(std::string_view& text) {
  const char quote = text.front();
  std::string value;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == quote) {
      text.remove_prefix(i + 1);
      return value;
    }
    if (quote == '"' && text[i] == '\\') {
      const auto plain = i + 1 < text.size() ? Unescape(text[i + 1]) : std::nullopt;
      if (!plain.has_value()) return std::nullopt;
      value += *plain;
      ++i;
    } else {
      value += text[i];
    }
  }
  return std::nullopt;
}

// Takes a number or boolean off the front of `text`; nullopt when there is none.
std::optional<std::string> TakeBare(std::string_view& text) {
  const size_t size =
      std::find_if(text.begin(), text.end(), [](char c) { return IsSpace(c) || c == '#'; }) -
      text.begin();
  const std::string_view word = text.substr(0, size);
  if (!ParseSwitch(word).has_value() && !ParseCount(word).has_value()) return std::nullopt;
  text.remove_prefix(size);
  return std::string(word);
}

absl::StatusOr<TomlSetting> ParseSetting(std::string_view text, int line) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) return BadLine(line, "must be `name = value`");
  const std::string_view name = Trim(text.substr(0, equals));
  if (!IsBareKey(name)) return BadLine(line, "the name must be of a-z, 0-9 and -");
  std::string_view rest = Trim(text.substr(equals + 1));
  if (rest.empty()) return BadLine(line, fmt::format("{} has no value", name));
  const bool is_string = rest.front() == '"' || rest.front() == '\'';
  auto value = is_string ? TakeString(rest) : TakeBare(rest);
  if (!value.has_value()) {
    return BadLine(line, fmt::format("the value of {} must be a string in quotes, a whole number, "
                                     "true or false",
                                     name));
  }
  rest = Trim(rest);
  if (!rest.empty() && rest.front() != '#') {
    return BadLine(line, fmt::format("there is more than one value for {}", name));
  }
  return TomlSetting{std::string(name), *std::move(value), line};
}

}  // namespace

absl::StatusOr<std::vector<TomlSetting>> ReadToml(std::istream& input) {
  std::vector<TomlSetting> settings;
  std::string text;
  size_t bytes = 0;
  for (int line = 1; std::getline(input, text); ++line) {
    bytes += text.size() + 1;
    if (bytes > kMaxFileBytes) return BadLine(line, "the file is over 1 MiB");
    if (!IsValidUtf8(text)) return BadLine(line, "is not UTF-8");
    const std::string_view content = Trim(text);
    if (content.empty() || content.front() == '#') continue;
    if (content.front() == '[') return BadLine(line, "settings are a flat list, without tables");
    auto setting = ParseSetting(content, line);
    if (!setting.ok()) return setting.status();
    const auto same_name = [&setting](const TomlSetting& other) {
      return other.name == setting->name;
    };
    if (std::any_of(settings.begin(), settings.end(), same_name)) {
      return BadLine(line, fmt::format("{} is set twice", setting->name));
    }
    settings.push_back(*std::move(setting));
  }
  if (input.bad()) return BadLine(0, "the file cannot be read");
  return settings;
}

std::string TomlString(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      case '"':
      case '\\':
        out += '\\';
        out += c;
        break;
      default:
        out += c;
    }
  }
  out += '"';
  return out;
}

}  // namespace claviger
