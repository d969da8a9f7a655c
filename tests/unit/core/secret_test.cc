#include "core/secret.h"

#include <algorithm>
#include <new>
#include <sstream>
#include <type_traits>
#include <utility>

#include "fmt/format.h"
#include "fmt/ostream.h"
#include "gtest/gtest.h"

namespace claviger {
namespace {

template <typename T>
concept Streamable = requires(std::ostream& out, const T& value) {
  out << value;
};
template <typename T>
concept EqualityComparable = requires(const T& a, const T& b) {
  a == b;
};

static_assert(!std::is_copy_constructible_v<Secret>);
static_assert(!std::is_copy_assignable_v<Secret>);
static_assert(std::is_nothrow_move_constructible_v<Secret>);
static_assert(std::is_nothrow_move_assignable_v<Secret>);
static_assert(!Streamable<Secret>);
static_assert(Streamable<std::string>);
static_assert(!fmt::is_formattable<Secret>::value);
static_assert(!EqualityComparable<Secret>);
static_assert(!std::is_convertible_v<Secret, std::string>);
static_assert(!std::is_convertible_v<Secret, std::string_view>);
static_assert(!std::is_convertible_v<std::string, Secret>);
static_assert(!std::is_constructible_v<Secret, const std::string&>,
              "a copy must be asked for with CopyOf");

constexpr std::string_view kShort = "short";
constexpr std::string_view kLong = "a secret that is too long to be kept inside of a std::string";

class SecretTest : public ::testing::TestWithParam<std::string_view> {};
INSTANTIATE_TEST_SUITE_P(Lengths, SecretTest, ::testing::Values(kShort, kLong, ""));

TEST_P(SecretTest, TakesTheBytesOver) {
  std::string bytes(GetParam());
  const Secret secret(std::move(bytes));
  EXPECT_EQ(secret.ExposeSecret(), GetParam());
  EXPECT_EQ(secret.size(), GetParam().size());
  EXPECT_EQ(secret.empty(), GetParam().empty());
}

TEST_P(SecretTest, CloneHasTheSameBytes) {
  const Secret secret = Secret::CopyOf(GetParam());
  const Secret clone = secret.Clone();
  EXPECT_EQ(clone.ExposeSecret(), GetParam());
  EXPECT_EQ(secret.ExposeSecret(), GetParam());
}

TEST_P(SecretTest, MoveLeavesTheSourceEmpty) {
  Secret source = Secret::CopyOf(GetParam());
  Secret constructed(std::move(source));
  EXPECT_EQ(constructed.ExposeSecret(), GetParam());
  EXPECT_TRUE(source.empty());  // NOLINT(bugprone-use-after-move): this is what is tested
  Secret assigned = Secret::CopyOf("what was here before");
  assigned = std::move(constructed);
  EXPECT_EQ(assigned.ExposeSecret(), GetParam());
  EXPECT_TRUE(constructed.empty());  // NOLINT(bugprone-use-after-move): this is what is tested
}

TEST(SecretMoveTest, ToItselfKeepsTheBytes) {
  Secret secret = Secret::CopyOf(kLong);
  Secret& same = secret;
  secret = std::move(same);
  EXPECT_EQ(secret.ExposeSecret(), kLong);
}

// Whether the bytes of a `T` at `storage` contain `text`.
template <typename T>
bool Holds(const unsigned char (&storage)[sizeof(T)], std::string_view text) {
  return std::search(storage, storage + sizeof(T), text.begin(), text.end()) != storage + sizeof(T);
}

TEST(SecretCleanseTest, AMovedFromShortStringHoldsNothing) {
  alignas(std::string) unsigned char storage[sizeof(std::string)] = {};
  auto* const source = new (storage) std::string(kShort);
  ASSERT_TRUE(Holds<std::string>(storage, kShort));
  const Secret secret(std::move(*source));
  EXPECT_FALSE(Holds<std::string>(storage, kShort));
  source->~basic_string();
}

TEST(SecretCleanseTest, AMovedFromSecretHoldsNothing) {
  alignas(Secret) unsigned char storage[sizeof(Secret)] = {};
  auto* const source = new (storage) Secret(Secret::CopyOf(kShort));
  ASSERT_TRUE(Holds<Secret>(storage, kShort));
  const Secret target(std::move(*source));
  EXPECT_FALSE(Holds<Secret>(storage, kShort));
  source->~Secret();
}

TEST(CleanseStringTest, OverwritesUpToTheCapacity) {
  std::string s(kLong);
  s.resize(4);
  const char* const bytes = s.data();
  const size_t capacity = s.capacity();
  CleanseString(s);
  EXPECT_TRUE(s.empty());
  ASSERT_EQ(s.data(), bytes) << "the bytes must be cleansed in place";
  ASSERT_EQ(s.capacity(), capacity);
  s.resize(capacity);
  EXPECT_EQ(s, std::string(capacity, '\0'));
}

TEST(ConstantTimeEqualsTest, ComparesLengthAndBytes) {
  EXPECT_TRUE(ConstantTimeEquals("", ""));
  EXPECT_TRUE(ConstantTimeEquals("same", "same"));
  EXPECT_FALSE(ConstantTimeEquals("same", "sane"));
  EXPECT_FALSE(ConstantTimeEquals("same", "same "));
  EXPECT_FALSE(ConstantTimeEquals("", "x"));
  EXPECT_TRUE(ConstantTimeEquals(std::string_view("a\0b", 3), std::string_view("a\0b", 3)));
  EXPECT_FALSE(ConstantTimeEquals(std::string_view("a\0b", 3), std::string_view("a\0c", 3)));
}

}  // namespace
}  // namespace claviger
