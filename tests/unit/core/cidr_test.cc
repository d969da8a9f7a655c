#include "core/cidr.h"

#include <random>
#include <string>

#include "fmt/format.h"
#include "gtest/gtest.h"

namespace claviger {
namespace {

IpAddress Address(std::string_view text) { return IpAddress::Parse(text).value(); }
Cidr Block(std::string_view text) { return Cidr::Parse(text).value(); }

TEST(IpAddressTest, ParsesToItsCanonicalText) {
  struct Case {
    const char* text;
    const char* canonical;
    bool is_v4;
  };
  for (const Case& c : {
           Case{"0.0.0.0", "0.0.0.0", true},
           Case{"255.255.255.255", "255.255.255.255", true},
           Case{"192.0.2.1", "192.0.2.1", true},
           Case{"::ffff:192.0.2.1", "192.0.2.1", true},
           Case{"::FFFF:c000:201", "192.0.2.1", true},
           Case{"0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1", true},
           Case{"::", "::", false},
           Case{"::1", "::1", false},
           Case{"1::", "1::", false},
           Case{"::1.2.3.4", "::102:304", false},
           Case{"2001:DB8::A", "2001:db8::a", false},
           Case{"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1", false},
           Case{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", false},
           Case{"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1", false},
           Case{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1", false},
           Case{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1", false},
           Case{"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::", false},
           Case{"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
       }) {
    const std::optional<IpAddress> address = IpAddress::Parse(c.text);
    ASSERT_TRUE(address.has_value()) << c.text;
    EXPECT_EQ(address->ToString(), c.canonical) << c.text;
    EXPECT_EQ(address->is_v4(), c.is_v4) << c.text;
    EXPECT_EQ(IpAddress::Parse(c.canonical), *address) << c.text;
  }
}

TEST(IpAddressTest, RejectsEverythingElse) {
  for (const std::string& text : {
           std::string(),
           std::string("localhost"),
           std::string("1.2.3"),
           std::string("1.2.3.4.5"),
           std::string("1.2.3.256"),
           std::string("1.2.3.04"),
           std::string("01.2.3.4"),
           std::string("0x1.2.3.4"),
           std::string("16909060"),
           std::string("1.2.3.-4"),
           std::string("1.2.3.+4"),
           std::string("1.2..4"),
           std::string(" 1.2.3.4"),
           std::string("1.2.3.4 "),
           std::string("1.2.3.4\n"),
           std::string("1.2.3.4\0", 8),
           std::string("1.2.3.4\0.5", 10),
           std::string("1.2.3.4:80"),
           std::string("1.2.3.4/32"),
           std::string("[::1]"),
           std::string("[::1]:80"),
           std::string("fe80::1%eth0"),
           std::string(":"),
           std::string(":::"),
           std::string("1::2::3"),
           std::string("1:2:3:4:5:6:7"),
           std::string("1:2:3:4:5:6:7:8:9"),
           std::string("1:2:3:4:5:6:7:8::"),
           std::string("12345::"),
           std::string("g::"),
           std::string("::1:"),
           std::string("::1.2.3"),
           std::string("1.2.3.4::"),
           std::string(1000, '1'),
           std::string(1000, ':'),
       }) {
    EXPECT_FALSE(IpAddress::Parse(text).has_value()) << text;
  }
}

TEST(CidrTest, ParsesToItsCanonicalText) {
  struct Case {
    const char* text;
    const char* canonical;
  };
  for (const Case& c : {
           Case{"10.0.0.0/8", "10.0.0.0/8"},
           Case{"0.0.0.0/0", "0.0.0.0/0"},
           Case{"192.0.2.1", "192.0.2.1/32"},
           Case{"192.0.2.1/32", "192.0.2.1/32"},
           Case{"::ffff:10.0.0.0/104", "10.0.0.0/8"},
           Case{"::ffff:0.0.0.0/96", "0.0.0.0/0"},
           Case{"::ffff:192.0.2.1", "192.0.2.1/32"},
           Case{"2001:DB8::/32", "2001:db8::/32"},
           Case{"::1", "::1/128"},
           Case{"::/0", "::/0"},
       }) {
    const std::optional<Cidr> block = Cidr::Parse(c.text);
    ASSERT_TRUE(block.has_value()) << c.text;
    EXPECT_EQ(block->ToString(), c.canonical);
    EXPECT_EQ(Cidr::Parse(c.canonical), *block);
  }
}

TEST(CidrTest, RejectsBadLengthsAndHostBits) {
  for (const std::string& text : {
           std::string(""),
           std::string("/8"),
           std::string("10.0.0.0/"),
           std::string("10.0.0.0/33"),
           std::string("10.0.0.0/-1"),
           std::string("10.0.0.0/+8"),
           std::string("10.0.0.0/08"),
           std::string("10.0.0.0/00"),
           std::string("10.0.0.0/ 8"),
           std::string("10.0.0.0/8 "),
           std::string("10.0.0.0/8/8"),
           std::string("10.0.0.0/255.0.0.0"),
           std::string("10.0.0.0/99999999999999999999"),
           std::string("10.0.0.1/8"),
           std::string("10.0.0.1/31"),
           std::string("0.0.0.1/0"),
           std::string("10/8"),
           std::string("2001:db8::/129"),
           std::string("2001:db8::1/127"),
           std::string("8000::/0"),
           std::string("::ffff:10.0.0.0/8"),
           std::string("::ffff:0.0.0.0/95"),
           std::string("10.0.0.0/8\0", 11),
       }) {
    EXPECT_FALSE(Cidr::Parse(text).has_value()) << text;
  }
}

TEST(CidrTest, ContainsTable) {
  struct Case {
    const char* block;
    const char* address;
    bool contains;
  };
  for (const Case& c : {
           Case{"10.0.0.0/8", "10.0.0.0", true},
           Case{"10.0.0.0/8", "10.255.255.255", true},
           Case{"10.0.0.0/8", "11.0.0.0", false},
           Case{"10.0.0.0/8", "9.255.255.255", false},
           Case{"10.0.0.0/8", "::ffff:10.1.2.3", true},
           Case{"::ffff:10.0.0.0/104", "10.1.2.3", true},
           Case{"10.0.0.0/8", "::10.1.2.3", false},
           Case{"192.0.2.128/25", "192.0.2.127", false},
           Case{"192.0.2.128/25", "192.0.2.128", true},
           Case{"192.0.2.1/32", "192.0.2.1", true},
           Case{"192.0.2.1/32", "192.0.2.0", false},
           Case{"0.0.0.0/0", "255.255.255.255", true},
           Case{"0.0.0.0/0", "::1", false},
           Case{"::/0", "::1", true},
           Case{"::/0", "1.2.3.4", false},
           Case{"::/0", "::ffff:1.2.3.4", false},
           Case{"2001:db8::/33", "2001:db8:7fff::", true},
           Case{"2001:db8::/33", "2001:db8:8000::", false},
       }) {
    EXPECT_EQ(Block(c.block).Contains(Address(c.address)), c.contains)
        << c.block << " " << c.address;
  }
}

// A block near 10.0.0.0 or 2001:db8::, so that blocks often relate.
std::string RandomAddress(std::mt19937& random) {
  const uint32_t low = random() % 4 << (random() % 8);
  switch (random() % 3) {
    case 0:
      return fmt::format("10.0.0.{}", low % 256);
    case 1:
      return fmt::format("::ffff:10.0.0.{}", low % 256);
    default:
      return fmt::format("2001:db8::{:x}", low);
  }
}

Cidr RandomBlock(std::mt19937& random) {
  while (true) {
    const std::string address = RandomAddress(random);
    const bool v6_text = address.find(':') != std::string::npos;
    const auto block =
        Cidr::Parse(fmt::format("{}/{}", address, (v6_text ? 118 : 22) + random() % 11));
    if (block.has_value()) return *block;
  }
}

TEST(CidrTest, CoversAgreesWithContains) {
  std::mt19937 random(21);
  int covering = 0;
  int apart = 0;
  for (int i = 0; i < 50000; ++i) {
    const Cidr a = RandomBlock(random);
    const Cidr b = RandomBlock(random);
    const IpAddress address = Address(RandomAddress(random));
    EXPECT_TRUE(a.Covers(a));
    if (a.Covers(b)) {
      ++covering;
      if (b.Contains(address)) {
        EXPECT_TRUE(a.Contains(address)) << a.ToString() << " " << b.ToString();
      }
    } else if (b.Contains(address) && !a.Contains(address)) {
      ++apart;
    }
    // A block of one covers like it contains.
    EXPECT_EQ(a.Covers(Block(address.ToString())), a.Contains(address));
    if (a.Covers(b) && b.Covers(a)) {
      EXPECT_EQ(a, b);
    }
  }
  EXPECT_GT(covering, 1000);
  EXPECT_GT(apart, 1000);
}

TEST(CidrTest, CoversIsTransitive) {
  std::mt19937 random(22);
  int chains = 0;
  for (int i = 0; i < 100000; ++i) {
    const Cidr a = RandomBlock(random);
    const Cidr b = RandomBlock(random);
    const Cidr c = RandomBlock(random);
    if (!a.Covers(b) || !b.Covers(c)) continue;
    ++chains;
    EXPECT_TRUE(a.Covers(c)) << a.ToString() << " " << b.ToString() << " " << c.ToString();
  }
  EXPECT_GT(chains, 1000);
}

TEST(CidrTest, FamiliesDoNotCoverEachOther) {
  EXPECT_FALSE(Block("::/0").Covers(Block("10.0.0.0/8")));
  EXPECT_FALSE(Block("0.0.0.0/0").Covers(Block("::1")));
  EXPECT_TRUE(Block("0.0.0.0/0").Covers(Block("::ffff:10.0.0.0/104")));
}

TEST(AnyContainsTest, OneIsEnough) {
  const std::vector<Cidr> blocks = {Block("10.0.0.0/8"), Block("2001:db8::/32")};
  EXPECT_TRUE(AnyContains(blocks, Address("2001:db8::1")));
  EXPECT_TRUE(AnyContains(blocks, Address("10.9.9.9")));
  EXPECT_FALSE(AnyContains(blocks, Address("11.0.0.0")));
  EXPECT_FALSE(AnyContains({}, Address("10.0.0.1")));
}

}  // namespace
}  // namespace claviger
