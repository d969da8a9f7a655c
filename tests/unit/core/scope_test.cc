#include "core/scope.h"

#include <random>
#include <string>
#include <vector>

#include "core/status.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace claviger {
namespace {

using ::testing::ElementsAre;

TEST(ScopeSyntaxTest, PlainScopesMayBeGrantedAndRequired) {
  for (const std::string& text :
       {std::string("a"), std::string("visibility:read"), std::string("a:b:c:d"),
        std::string("a.b-c_d:0"), std::string("-"), std::string(64, 'x'),
        std::string(64, 'x').append(":").append(64, 'y')}) {
    EXPECT_TRUE(IsValidGrantedScope(text)) << text;
    EXPECT_TRUE(IsValidRequiredScope(text)) << text;
  }
}

TEST(ScopeSyntaxTest, WildcardsMayBeGrantedOnly) {
  for (const char* text : {"*", "a:*", "a:b:*"}) {
    EXPECT_TRUE(IsValidGrantedScope(text)) << text;
    EXPECT_FALSE(IsValidRequiredScope(text)) << text;
  }
}

TEST(ScopeSyntaxTest, AnythingElseIsRejected) {
  for (const std::string& text :
       {std::string(),        std::string(":"),           std::string("a:"),  std::string(":a"),
        std::string("a::b"),  std::string("A"),           std::string("a b"), std::string("a/b"),
        std::string("**"),    std::string("a*"),          std::string("*a"),  std::string("*:a"),
        std::string("a:*:b"), std::string("a:b*"),        std::string(":*"),  std::string("*:*"),
        std::string("a:**"),  std::string("a\0", 2),      std::string("a\n"), std::string("\u00E9"),
        std::string(65, 'x'), "a:" + std::string(65, 'x')}) {
    EXPECT_FALSE(IsValidGrantedScope(text)) << text;
    EXPECT_FALSE(IsValidRequiredScope(text)) << text;
  }
}

TEST(ScopeSyntaxTest, AtMost512Characters) {
  std::string text(64, 'x');
  while (text.size() + 65 <= kMaxScopeLength) text.append(":").append(64, 'x');
  text.append(":");
  text.append(kMaxScopeLength - text.size(), 'x');
  ASSERT_EQ(text.size(), kMaxScopeLength);
  EXPECT_TRUE(IsValidRequiredScope(text));
  EXPECT_FALSE(IsValidRequiredScope(text + "x"));
  EXPECT_FALSE(IsValidGrantedScope(text + ":*"));
}

TEST(ScopeCoversTest, Table) {
  struct Case {
    const char* granted;
    const char* wanted;
    bool covers;
  };
  for (const Case& c : {
           Case{"a", "a", true},     Case{"a", "b", false},      Case{"a", "ab", false},
           Case{"ab", "a", false},   Case{"a", "a:b", false},    Case{"a:b", "a", false},
           Case{"a", "a:*", false},  Case{"a:*", "a:b", true},   Case{"a:*", "a:b:c", true},
           Case{"a:*", "a", false},  Case{"a:*", "ab:c", false}, Case{"a:*", "b:a", false},
           Case{"a:*", "a:*", true}, Case{"a:*", "a:b:*", true}, Case{"a:b:*", "a:*", false},
           Case{"a:*", "*", false},  Case{"*", "a", true},       Case{"*", "a:b", true},
           Case{"*", "a:*", true},   Case{"*", "*", true},       Case{"*", "", false},
           Case{"a:*", "a:", false},
       }) {
    EXPECT_EQ(ScopeCovers(c.granted, c.wanted), c.covers) << c.granted << " over " << c.wanted;
  }
}

// Scopes of few segments out of few letters, so that they often relate.
std::string RandomGranted(std::mt19937& random) {
  if (random() % 16 == 0) return "*";
  std::string scope(1, static_cast<char>('a' + random() % 2));
  for (size_t more = random() % 3; more > 0; --more) {
    scope += ':';
    scope += static_cast<char>('a' + random() % 2);
  }
  if (random() % 3 == 0) scope += ":*";
  return scope;
}

ScopeSet RandomSet(std::mt19937& random) {
  std::vector<std::string> scopes;
  for (size_t left = random() % 4; left > 0; --left) scopes.push_back(RandomGranted(random));
  return ScopeSet::FromTrusted(std::move(scopes));
}

TEST(ScopeCoversTest, IsReflexive) {
  std::mt19937 random(11);
  for (int i = 0; i < 2000; ++i) {
    const std::string scope = RandomGranted(random);
    ASSERT_TRUE(IsValidGrantedScope(scope)) << scope;
    EXPECT_TRUE(ScopeCovers(scope, scope)) << scope;
  }
}

TEST(ScopeCoversTest, IsTransitiveAndAntisymmetric) {
  std::mt19937 random(12);
  int chains = 0;
  for (int i = 0; i < 100000; ++i) {
    const std::string a = RandomGranted(random);
    const std::string b = RandomGranted(random);
    const std::string c = RandomGranted(random);
    if (ScopeCovers(a, b) && ScopeCovers(b, a)) {
      EXPECT_EQ(a, b);
    }
    if (!ScopeCovers(a, b) || !ScopeCovers(b, c)) continue;
    ++chains;
    EXPECT_TRUE(ScopeCovers(a, c)) << a << " over " << b << " over " << c;
  }
  EXPECT_GT(chains, 1000);
}

TEST(ScopeSetTest, SortsAndRemovesRepetitions) {
  const absl::StatusOr<ScopeSet> set = ScopeSet::Create({"b", "a:*", "b", "a:b"}, "scopes");
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(set->scopes(), ElementsAre("a:*", "a:b", "b"));
  EXPECT_EQ(set->size(), 3U);
  EXPECT_EQ(*set, ScopeSet::FromTrusted({"a:b", "b", "a:*"}));
}

TEST(ScopeSetTest, NamesTheFirstBadScope) {
  const absl::Status status = ScopeSet::Create({"b", "a", "NO", "NO"}, "catalog").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(DetailsOf(status).fields,
              ElementsAre(FieldViolation{"catalog[2]", std::string(kScopeSyntax)}));
}

TEST(ScopeSetTest, HoldsAtMost256) {
  std::vector<std::string> scopes;
  for (size_t i = 0; i < kMaxScopesPerKey; ++i) scopes.push_back(fmt::format("s{}", i));
  EXPECT_TRUE(ScopeSet::Create(scopes, "scopes").ok());
  scopes.push_back("one-more");
  const absl::Status status = ScopeSet::Create(scopes, "scopes").status();
  EXPECT_THAT(DetailsOf(status).fields,
              ElementsAre(FieldViolation{"scopes", "must have at most 256 scopes"}));
}

TEST(ScopeSetTest, TheEmptySetCoversNothing) {
  EXPECT_TRUE(ScopeSet().empty());
  EXPECT_FALSE(ScopeSet().Covers("a"));
  EXPECT_TRUE(ScopeSet().CoversAll(ScopeSet()));
  EXPECT_FALSE(ScopeSet().CoversAll(ScopeSet::FromTrusted({"a"})));
}

TEST(ScopeSetTest, ContainsByExactText) {
  const ScopeSet set = ScopeSet::FromTrusted({"a:*", "b"});
  EXPECT_TRUE(set.Contains("a:*"));
  EXPECT_TRUE(set.Contains("b"));
  EXPECT_FALSE(set.Contains("a:b"));
  EXPECT_TRUE(set.Covers("a:b"));
}

TEST(ScopeSetTest, CoversAllMeansThatEveryWantedScopeIsCovered) {
  std::mt19937 random(13);
  int covering = 0;
  for (int i = 0; i < 20000; ++i) {
    const ScopeSet a = RandomSet(random);
    const ScopeSet b = RandomSet(random);
    if (!a.CoversAll(b)) continue;
    ++covering;
    const std::string wanted = RandomGranted(random);
    if (b.Covers(wanted)) {
      EXPECT_TRUE(a.Covers(wanted)) << wanted;
    }
  }
  EXPECT_GT(covering, 1000);
}

TEST(ScopeSetTest, CoversAllIsReflexiveAndTransitive) {
  std::mt19937 random(14);
  for (int i = 0; i < 20000; ++i) {
    const ScopeSet a = RandomSet(random);
    const ScopeSet b = RandomSet(random);
    const ScopeSet c = RandomSet(random);
    EXPECT_TRUE(a.CoversAll(a));
    if (a.CoversAll(b) && b.CoversAll(c)) {
      EXPECT_TRUE(a.CoversAll(c));
    }
  }
}

}  // namespace
}  // namespace claviger
