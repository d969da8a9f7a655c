#include "core/digest.h"

#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace claviger {
namespace {

TEST(Sha256Test, AgreesWithFips180) {
  struct Case {
    std::string input;
    const char* digest;
  };
  for (const Case& c : {
           Case{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
           Case{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
           Case{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
           Case{std::string(1000000, 'a'),
                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
       }) {
    EXPECT_EQ(ToHex(AsBytes(Sha256(c.input))), c.digest);
  }
}

TEST(Sha256Test, ThreadsDoNotDisturbEachOther) {
  const Sha256Bytes expected = Sha256("the same input");
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (int& count : wrong) {
    threads.emplace_back([&count, &expected] {
      for (int i = 0; i < 10000; ++i) count += Sha256("the same input") != expected ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

TEST(HashKeyTest, IsTheSha256OfTheWholeKey) { EXPECT_EQ(HashKey("abc").bytes, Sha256("abc")); }

TEST(EqualTest, SeesEveryByte) {
  const KeyHash hash = HashKey("x");
  const KeyDigest digest{hash.bytes};
  EXPECT_TRUE(Equal(hash, HashKey("x")));
  EXPECT_TRUE(Equal(digest, KeyDigest{hash.bytes}));
  for (size_t i = 0; i < hash.bytes.size(); ++i) {
    Sha256Bytes changed = hash.bytes;
    changed[i] ^= 1U;
    EXPECT_FALSE(Equal(hash, KeyHash{changed})) << i;
    EXPECT_FALSE(Equal(digest, KeyDigest{changed})) << i;
  }
}

TEST(ToHexTest, IsLowerCaseAndKeepsLeadingZeros) {
  EXPECT_EQ(ToHex(""), "");
  EXPECT_EQ(ToHex(std::string_view("\x00\x0f\xa0\xff", 4)), "000fa0ff");
}

TEST(KeyHasherTest, TwoHalvesGiveTheSameHash) {
  for (const size_t size : {0U, 1U, 63U, 64U, 75U, 88U, 1000U}) {
    const std::string key(size, 'k');
    KeyHasher hasher(key);
    const KeyHash halves = hasher.Finish();
    EXPECT_TRUE(Equal(halves, HashKey(key))) << size;
  }
}

}  // namespace
}  // namespace claviger
