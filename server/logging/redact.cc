#include "server/logging/redact.h"

#include <algorithm>
#include <cstddef>
#include <optional>

namespace claviger::log {
namespace {

constexpr size_t kMinBody = 16;
constexpr size_t kMaxPrefix = 16;

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsBase62(char c) { return IsLower(c) || IsDigit(c) || (c >= 'A' && c <= 'Z'); }
bool IsSpace(char c) { return c == ' ' || c == '\t'; }

char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Where `lower`, which is in lower case, stands in `text` in whatever case, from `from` on.
size_t FindIgnoringCase(std::string_view text, std::string_view lower, size_t from) {
  for (size_t i = from; i + lower.size() <= text.size(); ++i) {
    size_t matched = 0;
    while (matched < lower.size() && ToLower(text[i + matched]) == lower[matched]) ++matched;
    if (matched == lower.size()) return i;
  }
  return std::string_view::npos;
}

// The begin of the prefix that ends before `end`, not before `limit`; nullopt when none ends there.
std::optional<size_t> PrefixBegin(std::string_view text, size_t end, size_t limit) {
  size_t begin = end;
  while (begin > limit && end - begin < kMaxPrefix &&
         (IsLower(text[begin - 1]) || IsDigit(text[begin - 1]))) {
    --begin;
  }
  while (begin < end && !IsLower(text[begin])) ++begin;
  if (end - begin < 2) return std::nullopt;
  return begin;
}

// The end of the key body that begins at `begin`; nullopt when it is too short to be one.
std::optional<size_t> BodyEnd(std::string_view text, size_t begin) {
  size_t end = begin;
  while (end < text.size() && IsBase62(text[end])) ++end;
  if (end - begin < kMinBody) return std::nullopt;
  while (end < text.size() && (IsBase62(text[end]) || text[end] == '_')) ++end;
  return end;
}

std::string RedactBearerTokens(std::string_view text) {
  constexpr std::string_view kBearer = "bearer";
  std::string out;
  size_t done = 0;
  for (size_t at = FindIgnoringCase(text, kBearer, 0); at != std::string_view::npos;
       at = FindIgnoringCase(text, kBearer, done)) {
    size_t token = at + kBearer.size();
    while (token < text.size() && IsSpace(text[token])) ++token;
    size_t end = token;
    while (end < text.size() && !IsSpace(text[end])) ++end;
    out += text.substr(done, token - done);
    if (end > token) out += kRedacted;
    done = end;
  }
  out += text.substr(done);
  return out;
}

}  // namespace

std::string RedactKeys(std::string_view text) {
  constexpr std::string_view kLive = "_live_";
  constexpr std::string_view kTest = "_test_";
  std::string out;
  size_t done = 0;
  size_t from = 0;
  while (true) {
    const size_t at = text.find('_', from);
    if (at == std::string_view::npos) break;
    from = at + 1;
    const std::string_view here = text.substr(at, kLive.size());
    if (here != kLive && here != kTest) continue;
    const auto begin = PrefixBegin(text, at, done);
    const auto end = BodyEnd(text, at + kLive.size());
    if (!begin.has_value() || !end.has_value()) continue;
    out += text.substr(done, *begin - done);
    out += kRedacted;
    done = *end;
    from = *end;
  }
  out += text.substr(done);
  return out;
}

std::string RedactForeignLine(std::string_view text) {
  size_t cut = text.size();
  for (const std::string_view marker : {"authorization", " value="}) {
    const size_t at = FindIgnoringCase(text, marker, 0);
    if (at != std::string_view::npos) cut = std::min(cut, at + marker.size());
  }
  std::string out = RedactKeys(RedactBearerTokens(text.substr(0, cut)));
  if (cut < text.size()) {
    if (out.back() != '=') out += ' ';
    out += kRedacted;
  }
  return out;
}

}  // namespace claviger::log
