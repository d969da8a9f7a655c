#include "core/cidr.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <span>

#include "fmt/format.h"

namespace claviger {
namespace {

constexpr std::array<uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr int kMappedBits = 96;
constexpr int kAddressBits = 128;

using Bytes = std::array<uint8_t, 16>;

// Whether `a` and `b` agree in their first `bits` bits.
bool SamePrefix(const Bytes& a, const Bytes& b, int bits) {
  const int whole = bits / 8;
  if (!std::equal(a.begin(), a.begin() + whole, b.begin())) return false;
  const int left = bits % 8;
  if (left == 0) return true;
  const auto differing = static_cast<unsigned>(a[whole] ^ b[whole]);
  return (differing >> static_cast<unsigned>(8 - left)) == 0;
}

bool HasBitsBehind(const Bytes& bytes, int prefix_bits) {
  for (int bit = prefix_bits; bit < kAddressBits; ++bit) {
    if (((bytes[bit / 8] >> static_cast<unsigned>(7 - bit % 8)) & 1U) != 0) return true;
  }
  return false;
}

// A decimal number up to `max` without sign or leading zeros.
std::optional<int> ParsePrefixLength(std::string_view text, int max) {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  if (text[0] < '0' || text[0] > '9') return std::nullopt;
  int length = 0;
  const char* const end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data(), end, length);
  if (error != std::errc() || parsed != end || length > max) return std::nullopt;
  return length;
}

// RFC 5952: lower case, no leading zeros, the first of the longest runs of two and more zero groups
// as `::`.
std::string FormatV6(const Bytes& bytes) {
  std::array<unsigned, 8> groups;
  for (size_t i = 0; i < groups.size(); ++i) groups[i] = bytes[2 * i] * 256U + bytes[2 * i + 1];
  size_t run_start = 0;
  size_t run_length = 1;
  for (size_t i = 0; i < groups.size(); ++i) {
    size_t end = i;
    while (end < groups.size() && groups[end] == 0) ++end;
    if (end - i > run_length) {
      run_start = i;
      run_length = end - i;
    }
  }
  const std::span<const unsigned> all(groups);
  if (run_length < 2) return fmt::format("{:x}", fmt::join(all, ":"));
  return fmt::format("{:x}::{:x}", fmt::join(all.first(run_start), ":"),
                     fmt::join(all.subspan(run_start + run_length), ":"));
}

}  // namespace

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  // inet_pton wants a terminated string, so an embedded NUL would hide what comes behind it.
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size() || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  std::copy(text.begin(), text.end(), terminated.begin());
  IpAddress address;
  if (inet_pton(AF_INET6, terminated.data(), address.bytes_.data()) == 1) {
    address.is_v4_ = std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes_.begin());
    return address;
  }
  std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes_.begin());
  if (inet_pton(AF_INET, terminated.data(), address.bytes_.data() + kMappedPrefix.size()) != 1) {
    return std::nullopt;
  }
  address.is_v4_ = true;
  return address;
}

std::string IpAddress::ToString() const {
  if (!is_v4_) return FormatV6(bytes_);
  return fmt::format("{}.{}.{}.{}", bytes_[12], bytes_[13], bytes_[14], bytes_[15]);
}

std::optional<Cidr> Cidr::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  const std::string_view address_text = text.substr(0, slash);
  const std::optional<IpAddress> address = IpAddress::Parse(address_text);
  if (!address.has_value()) return std::nullopt;

  Cidr block;
  block.base_ = *address;
  block.prefix_bits_ = kAddressBits;
  if (slash == std::string_view::npos) return block;
  // How the address is written decides what the length counts: `10.0.0.0/8` and
  // `::ffff:10.0.0.0/104` are the same block.
  const int offset = address_text.find(':') == std::string_view::npos ? kMappedBits : 0;
  const std::optional<int> length =
      ParsePrefixLength(text.substr(slash + 1), kAddressBits - offset);
  if (!length.has_value()) return std::nullopt;
  block.prefix_bits_ = offset + *length;
  if (HasBitsBehind(block.base_.bytes_, block.prefix_bits_)) return std::nullopt;
  return block;
}

bool Cidr::Contains(const IpAddress& address) const {
  return base_.is_v4_ == address.is_v4_ && SamePrefix(base_.bytes_, address.bytes_, prefix_bits_);
}

bool Cidr::Covers(const Cidr& other) const {
  return prefix_bits_ <= other.prefix_bits_ && Contains(other.base_);
}

std::string Cidr::ToString() const {
  return fmt::format("{}/{}", base_.ToString(), prefix_bits_ - (base_.is_v4_ ? kMappedBits : 0));
}

bool AnyContains(const std::vector<Cidr>& blocks, const IpAddress& address) {
  return std::any_of(blocks.begin(), blocks.end(),
                     [&address](const Cidr& block) { return block.Contains(address); });
}

bool AllWithin(const std::vector<Cidr>& part, const std::vector<Cidr>& whole) {
  if (whole.empty()) return true;
  if (part.empty()) return false;
  return std::all_of(part.begin(), part.end(), [&whole](const Cidr& block) {
    return std::any_of(whole.begin(), whole.end(),
                       [&block](const Cidr& other) { return other.Covers(block); });
  });
}

}  // namespace claviger
