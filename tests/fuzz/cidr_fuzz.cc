// Addresses and address blocks. An input is lines: an address, then blocks.
#include <arpa/inet.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/cidr.h"
#include "tests/fuzz/fuzz.h"

namespace claviger {
namespace {

using Bits = std::array<bool, 128>;

// The address as bits of the mapped form, by way of its canonical text.
Bits BitsOf(const IpAddress& address) {
  std::array<unsigned char, 16> bytes{};
  const std::string text = address.ToString();
  if (address.is_v4()) {
    bytes[10] = bytes[11] = 0xff;
    FUZZ_CHECK(inet_pton(AF_INET, text.c_str(), bytes.data() + 12) == 1);
  } else {
    FUZZ_CHECK(inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1);
  }
  Bits bits{};
  for (size_t i = 0; i < bits.size(); ++i) bits[i] = (bytes[i / 8] >> (7 - i % 8) & 1) != 0;
  return bits;
}

struct Block {
  IpAddress base;
  size_t length = 0;  // in the mapped form
};

// From the canonical text of a block.
Block BlockOf(const Cidr& cidr) {
  const std::string text = cidr.ToString();
  const size_t slash = text.find('/');
  FUZZ_CHECK(slash != std::string::npos);
  const std::optional<IpAddress> base = IpAddress::Parse(text.substr(0, slash));
  FUZZ_CHECK(base.has_value());
  return {*base, std::stoul(text.substr(slash + 1)) + (base->is_v4() ? 96 : 0)};
}

bool Contains(const Block& block, const IpAddress& address) {
  if (block.base.is_v4() != address.is_v4()) return false;
  const Bits a = BitsOf(block.base);
  const Bits b = BitsOf(address);
  return std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(block.length), b.begin());
}

}  // namespace
}  // namespace claviger

FUZZ_TARGET(cidr) {
  using namespace claviger;  // NOLINT(google-build-using-namespace)
  fuzz::Parts parts(input);
  const std::optional<IpAddress> address = IpAddress::Parse(parts.Line());
  if (address.has_value()) {
    FUZZ_CHECK(IpAddress::Parse(address->ToString()) == address);
    // An address is also the block of itself alone.
    const std::optional<Cidr> alone = Cidr::Parse(address->ToString());
    FUZZ_CHECK(alone.has_value() && alone->Contains(*address));
    FUZZ_CHECK(alone->ToString() == address->ToString() + (address->is_v4() ? "/32" : "/128"));
  }
  std::vector<Cidr> blocks;
  std::vector<Block> known;
  while (!parts.empty() && blocks.size() < kMaxCidrsPerKey) {
    const std::optional<Cidr> block = Cidr::Parse(parts.Line());
    if (!block.has_value()) continue;
    FUZZ_CHECK(Cidr::Parse(block->ToString()) == block);
    FUZZ_CHECK(Cidr::Parse(block->ToString())->ToString() == block->ToString());
    blocks.push_back(*block);
    known.push_back(BlockOf(*block));
    FUZZ_CHECK(block->Contains(known.back().base));
    FUZZ_CHECK(block->Covers(*block));
  }
  FUZZ_CHECK(AllWithin(blocks, blocks));
  bool inside = false;
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (address.has_value()) {
      FUZZ_CHECK(blocks[i].Contains(*address) == Contains(known[i], *address));
      inside = inside || Contains(known[i], *address);
    }
    const Cidr& first = blocks.front();
    const bool covered =
        known.front().length <= known[i].length && Contains(known.front(), known[i].base);
    FUZZ_CHECK(first.Covers(blocks[i]) == covered);
  }
  if (address.has_value()) FUZZ_CHECK(AnyContains(blocks, *address) == inside);
}
