// Addresses and address blocks, v4 and v6.
#ifndef CLAVIGER_CORE_CIDR_H_
#define CLAVIGER_CORE_CIDR_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace claviger {

inline constexpr size_t kMaxCidrsPerKey = 64;
inline constexpr std::string_view kCidrSyntax =
    "must be an IPv4 or IPv6 address with an optional prefix length, without host bits, e.g. "
    "10.0.0.0/8";
inline constexpr std::string_view kIpAddressSyntax =
    "must be an IPv4 or IPv6 address without a port or zone";

// An IPv4 or IPv6 address. An IPv4-mapped IPv6 address (::ffff:a.b.c.d) is the IPv4 address: a
// dual-stack listener reports either.
class IpAddress {
 public:
  // nullopt unless `text` is exactly an address: no port, brackets, zone, leading zeros in v4.
  static std::optional<IpAddress> Parse(std::string_view text);

  bool is_v4() const { return is_v4_; }
  // Canonical text (RFC 5952).
  std::string ToString() const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  friend class Cidr;

  // v4 in the last 4 bytes of the mapped form.
  std::array<uint8_t, 16> bytes_{};
  bool is_v4_ = false;
};

// A block of addresses.
class Cidr {
 public:
  // nullopt unless `text` is an address, alone (a block of one) or with `/<prefix length>` and no
  // bit set behind it.
  static std::optional<Cidr> Parse(std::string_view text);

  // A v4 block contains v4 addresses only, a v6 block v6 ones only.
  bool Contains(const IpAddress& address) const;
  // Whether every address of `other` is in here.
  bool Covers(const Cidr& other) const;
  // Canonical text, always with the prefix length.
  std::string ToString() const;

  friend bool operator==(const Cidr&, const Cidr&) = default;

 private:
  IpAddress base_;
  // Counted in the 128-bit mapped form: a v4 /8 is 104.
  int prefix_bits_ = 0;
};

// Whether one of `blocks` contains `address`.
bool AnyContains(const std::vector<Cidr>& blocks, const IpAddress& address);

// Whether every address of `part` is in `whole`, for lists of which an empty one means all
// addresses. Blocks that only together cover one are taken not to.
bool AllWithin(const std::vector<Cidr>& part, const std::vector<Cidr>& whole);

}  // namespace claviger

#endif  // CLAVIGER_CORE_CIDR_H_
