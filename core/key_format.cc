#include "core/key_format.h"

#include <openssl/crypto.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>

#include "core/status.h"
#include "fmt/format.h"

namespace claviger {
namespace {

constexpr std::string_view kBase62 =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kCell = "00";
constexpr std::string_view kLive = "live";
constexpr std::string_view kTest = "test";
constexpr size_t kEnvironmentLength = 4;
constexpr size_t kMinPrefixLength = 2;
constexpr size_t kMaxPrefixLength = 16;
constexpr size_t kSecretBytes = 32;
// Behind the prefix: `_env_id_` and the tail.
constexpr size_t kLengthAfterPrefix =
    1 + kEnvironmentLength + 1 + kKeyIdLength + 1 + kSecretLength + kChecksumLength;
static_assert(kMaxPrefixLength + kLengthAfterPrefix == kMaxKeyLength);

// 2^256 - 1. 43 digits reach further (62^43 is 1.02 times 2^256); what lies above is not the text
// of any 256 bits. The digits are in the order of ASCII, so texts compare like the numbers.
constexpr std::string_view kMaxSecret = "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1";
static_assert(kMaxSecret.size() == kSecretLength);

using SecretBytes = std::array<uint8_t, kSecretBytes>;

// By byte: a look-up costs half of the comparisons, and every check of a key makes 65.
constexpr std::array<bool, 256> kIsBase62 = [] {
  std::array<bool, 256> table{};
  for (const char c : kBase62) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

bool IsBase62(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return kIsBase62[static_cast<unsigned char>(c)]; });
}

// Writes `bytes`, a big-endian number, with kSecretLength digits.
void EncodeSecret(const SecretBytes& bytes, char* out) {
  // Five digits come out of each division of the whole number, for they fit a limb.
  constexpr int kDigitsAtOnce = 5;
  constexpr uint32_t kDivisor = 62 * 62 * 62 * 62 * 62;
  std::array<uint32_t, kSecretBytes / sizeof(uint32_t)> limbs{};  // the highest first
  for (size_t i = 0; i < bytes.size(); ++i) {
    uint32_t& limb = limbs[i / sizeof(uint32_t)];
    limb = (limb << 8U) | bytes[i];
  }
  for (size_t digit = kSecretLength; digit > 0;) {
    uint64_t remainder = 0;
    for (uint32_t& limb : limbs) {
      const uint64_t dividend = (remainder << 32U) | limb;
      limb = static_cast<uint32_t>(dividend / kDivisor);
      remainder = dividend % kDivisor;
    }
    for (int i = 0; i < kDigitsAtOnce && digit > 0; ++i) {
      out[--digit] = kBase62[remainder % 62];
      remainder /= 62;
    }
  }
  OPENSSL_cleanse(limbs.data(), sizeof limbs);
}

using Checksum = std::array<char, kChecksumLength>;

Checksum ChecksumOf(std::string_view text) {
  auto crc = static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
  Checksum checksum;
  for (size_t digit = kChecksumLength; digit-- > 0;) {
    checksum[digit] = kBase62[crc % 62];
    crc /= 62;
  }
  return checksum;
}

// Takes `length` characters off the front of `rest`, which has them.
std::string_view Take(std::string_view& rest, size_t length) {
  const std::string_view taken = rest.substr(0, length);
  rest.remove_prefix(length);
  return taken;
}

}  // namespace

std::string_view EnvironmentName(Environment environment) {
  return environment == Environment::kTest ? kTest : kLive;
}

std::optional<KeyId> KeyId::Parse(std::string_view text) {
  if (text.size() != kKeyIdLength || !IsBase62(text)) return std::nullopt;
  KeyId id;
  std::copy(text.begin(), text.end(), id.text_.begin());
  return id;
}

absl::StatusOr<KeyId> KeyId::Generate(RandomSource& random) {
  // Six random bits are a digit unless they are 62 or 63: those are drawn again, not folded, so
  // that no digit is likelier. 32 bytes are short of 14 digits less than once in 10^20 times.
  constexpr int kAttempts = 4;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::array<uint8_t, 32> bytes;
    const absl::Status filled = random.Fill(bytes);
    if (!filled.ok()) return filled;
    KeyId id;
    size_t length = std::copy(kCell.begin(), kCell.end(), id.text_.begin()) - id.text_.begin();
    for (const uint8_t byte : bytes) {
      const unsigned digit = byte & 0x3FU;
      if (digit < kBase62.size() && length < kKeyIdLength) id.text_[length++] = kBase62[digit];
    }
    if (length == kKeyIdLength && id != KeyId()) return id;
  }
  return ErrorBuilder(absl::StatusCode::kUnavailable, Reason::kInternal)
      .Build("the source of entropy repeats itself");
}

std::optional<ParsedKey> ParseKey(std::string_view text) {
  if (text.size() > kMaxKeyLength || text.size() < kMinPrefixLength + kLengthAfterPrefix) {
    return std::nullopt;
  }
  std::string_view rest = text;
  ParsedKey key;
  key.prefix = Take(rest, text.size() - kLengthAfterPrefix);
  if (!IsValidKeyPrefix(key.prefix) || Take(rest, 1) != "_") return std::nullopt;
  const std::string_view environment = Take(rest, kEnvironmentLength);
  if (environment != kLive && environment != kTest) return std::nullopt;
  key.environment = environment == kLive ? Environment::kLive : Environment::kTest;
  if (Take(rest, 1) != "_") return std::nullopt;
  const std::optional<KeyId> id = KeyId::Parse(Take(rest, kKeyIdLength));
  if (!id.has_value() || Take(rest, 1) != "_") return std::nullopt;
  key.id = *id;
  const std::string_view secret = Take(rest, kSecretLength);
  if (!IsBase62(secret) || secret > kMaxSecret) return std::nullopt;
  const Checksum checksum = ChecksumOf(text.substr(0, text.size() - kChecksumLength));
  if (rest != std::string_view(checksum.data(), checksum.size())) return std::nullopt;
  return key;
}

bool IsValidKeyPrefix(std::string_view prefix) {
  if (prefix.size() < kMinPrefixLength || prefix.size() > kMaxPrefixLength) return false;
  if (prefix[0] < 'a' || prefix[0] > 'z') return false;
  return std::all_of(prefix.begin(), prefix.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

absl::StatusOr<Secret> GenerateKey(std::string_view prefix, Environment environment,
                                   const KeyId& id, RandomSource& random) {
  SecretBytes bytes;
  const absl::Status filled = random.Fill(bytes);
  if (!filled.ok()) return filled;
  std::array<char, kSecretLength> secret;
  EncodeSecret(bytes, secret.data());

  std::string key;
  key.reserve(kMaxKeyLength);  // never moves, so that no copy is left behind
  key += PublicPrefix(prefix, environment, id);
  key += '_';
  key.append(secret.data(), secret.size());
  const Checksum checksum = ChecksumOf(key);
  key.append(checksum.data(), checksum.size());
  OPENSSL_cleanse(bytes.data(), bytes.size());
  OPENSSL_cleanse(secret.data(), secret.size());
  return Secret(std::move(key));
}

std::string PublicPrefix(std::string_view prefix, Environment environment, const KeyId& id) {
  return fmt::format("{}_{}_{}", prefix, EnvironmentName(environment), id.text());
}

std::string MaskKey(const Secret& key) {
  constexpr size_t kHead = 8;
  constexpr size_t kTail = 4;
  constexpr std::string_view kEllipsis = "\u2026";
  const std::string_view text = key.ExposeSecret();
  // Too short to be a key: nothing of it may be shown.
  if (text.size() < kLengthAfterPrefix) return std::string(kEllipsis);
  return fmt::format("{}{}{}", text.substr(0, kHead), kEllipsis, text.substr(text.size() - kTail));
}

}  // namespace claviger
