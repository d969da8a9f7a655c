// The text of a key: what any caller can put into `Verify`.
#include <zlib.h>

#include <optional>
#include <string>
#include <string_view>

#include "core/digest.h"
#include "core/key_format.h"
#include "core/secret.h"
#include "tests/fuzz/fuzz.h"

namespace claviger {
namespace {

constexpr std::string_view kBase62 =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

bool IsIn(std::string_view text, std::string_view alphabet) {
  return text.find_first_not_of(alphabet) == std::string_view::npos;
}

// The grammar of docs/key-format.md once more, from its end to its beginning.
bool IsKey(std::string_view text) {
  if (text.size() < 74 || text.size() > 88) return false;
  const std::string_view checksum = text.substr(text.size() - 6);
  const std::string_view secret = text.substr(text.size() - 49, 43);
  if (text[text.size() - 50] != '_') return false;
  const std::string_view id = text.substr(text.size() - 66, 16);
  const std::string_view head = text.substr(0, text.size() - 66);
  if (!head.ends_with("_live_") && !head.ends_with("_test_")) return false;
  const std::string_view prefix = head.substr(0, head.size() - 6);
  if (prefix.size() < 2 || prefix.size() > 16 || prefix[0] < 'a' || prefix[0] > 'z') return false;
  if (!IsIn(prefix, "abcdefghijklmnopqrstuvwxyz0123456789")) return false;
  if (!IsIn(id, kBase62) || !IsIn(secret, kBase62) || !IsIn(checksum, kBase62)) return false;
  if (secret > "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1") return false;
  uint64_t number = 0;
  for (const char digit : checksum) number = number * 62 + kBase62.find(digit);
  return number ==
         crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size() - 6));
}

// Makes the checksum right, so that what stands before it is looked at too.
std::string WithChecksum(std::string_view text) {
  if (text.size() < 6) return std::string(text);
  std::string key(text.substr(0, text.size() - 6));
  uint64_t crc =
      crc32(0, reinterpret_cast<const Bytef*>(key.data()), static_cast<uInt>(key.size()));
  std::string digits(6, '0');
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit, crc /= 62) {
    *digit = kBase62[crc % 62];
  }
  return key + digits;
}

void CheckKey(std::string_view text) {
  const std::optional<ParsedKey> parsed = ParseKey(text);
  FUZZ_CHECK(parsed.has_value() == IsKey(text));
  if (!parsed.has_value()) return;
  FUZZ_CHECK(text.starts_with(PublicPrefix(parsed->prefix, parsed->environment, parsed->id) + "_"));
  FUZZ_CHECK(IsValidKeyPrefix(parsed->prefix));
  FUZZ_CHECK(KeyId::Parse(parsed->id.text()) == parsed->id);
  // What is shown of a key holds nothing of its secret but its end.
  const std::string masked = MaskKey(Secret::CopyOf(text));
  FUZZ_CHECK(masked ==
             std::string(text.substr(0, 8)) + "…" + std::string(text.substr(text.size() - 4)));
  FUZZ_CHECK(Equal(HashKey(text), HashKey(std::string(text))));
}

}  // namespace
}  // namespace claviger

FUZZ_TARGET(key_format) {
  claviger::CheckKey(input);
  claviger::CheckKey(claviger::WithChecksum(input));
}
