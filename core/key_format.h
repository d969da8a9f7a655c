// The text of an API key. The format, its reasons and test vectors: docs/key-format.md.
//
//   key      = prefix "_" env "_" key-id "_" secret checksum
//   prefix   = [a-z][a-z0-9]{1,15}
//   env      = "live" | "test"
//   key-id   = 16 base62 characters: 2 for the cell ("00"), 14 random
//   secret   = 43 base62 characters: 256 random bits as a big-endian number, fixed width
//   checksum = 6 base62 characters: CRC-32 (IEEE 802.3) of everything before it, zero-padded
//   base62   = 0-9 A-Z a-z, in this order (that of ASCII)
#ifndef CLAVIGER_CORE_KEY_FORMAT_H_
#define CLAVIGER_CORE_KEY_FORMAT_H_

#include <array>
#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "core/random.h"
#include "core/secret.h"

namespace claviger {

inline constexpr size_t kKeyIdLength = 16;
inline constexpr size_t kSecretLength = 43;
inline constexpr size_t kChecksumLength = 6;
// The longest possible key: 16 + 1 + 4 + 1 + 16 + 1 + 43 + 6.
inline constexpr size_t kMaxKeyLength = 88;
inline constexpr std::string_view kDefaultKeyPrefix = "clv";

enum class Environment : unsigned char { kLive = 1, kTest = 2 };

// `live` or `test`.
std::string_view EnvironmentName(Environment environment);

// 16 base62 characters that name a key for ever.
class KeyId {
 public:
  // 16 zeros: no key has it.
  KeyId() { text_.fill('0'); }

  // nullopt unless `text` is 16 base62 characters.
  static std::optional<KeyId> Parse(std::string_view text);
  // A new one in cell 00. UNAVAILABLE when there is no entropy.
  static absl::StatusOr<KeyId> Generate(RandomSource& random);

  std::string_view text() const { return {text_.data(), text_.size()}; }
  std::string ToString() const { return std::string(text()); }

  friend auto operator<=>(const KeyId&, const KeyId&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const KeyId& id) {
    return H::combine_contiguous(std::move(h), id.text_.data(), id.text_.size());
  }

 private:
  std::array<char, kKeyIdLength> text_;
};

// The public parts of a well-formed key. The views point into the text that was parsed.
struct ParsedKey {
  std::string_view prefix;
  Environment environment = Environment::kLive;
  KeyId id;
};

// Whether `text` is a well-formed key with a matching checksum, and its public parts; nullopt for
// anything else. Linear, allocates nothing, safe on any bytes.
std::optional<ParsedKey> ParseKey(std::string_view text);

// Whether `prefix` may begin a project's keys: `[a-z][a-z0-9]{1,15}`.
bool IsValidKeyPrefix(std::string_view prefix);

// A new key's text for `id`: REQUIRES IsValidKeyPrefix(prefix). UNAVAILABLE when there is no
// entropy.
absl::StatusOr<Secret> GenerateKey(std::string_view prefix, Environment environment,
                                   const KeyId& id, RandomSource& random);

// The public head, `<prefix>_<env>_<key id>`.
std::string PublicPrefix(std::string_view prefix, Environment environment, const KeyId& id);

// First 8 and last 4 characters of the key around `…` (U+2026).
std::string MaskKey(const Secret& key);

}  // namespace claviger

#endif  // CLAVIGER_CORE_KEY_FORMAT_H_
