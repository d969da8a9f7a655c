#include "client/src/grant_cache.h"

#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>

#include "core/decision.h"
#include "gtest/gtest.h"
#include "tests/unit/client/grant_testing.h"

namespace claviger::client {
namespace {

TEST(GrantCacheTest, FindsWhatWasInserted) {
  GrantCache cache({});
  ASSERT_TRUE(cache.Insert(GrantOf(1, 7)));
  GrantCache::Reader reader(cache);
  const GrantEntry* entry = reader.Find(IdOf(1));
  ASSERT_NE(entry, nullptr);
  EXPECT_TRUE(Equal(entry->hash(), HashOf(1)));
  EXPECT_EQ(entry->revision(), Revision{7});
  EXPECT_EQ(entry->grant()->id, IdOf(1));
  EXPECT_EQ(reader.Find(IdOf(2)), nullptr);
}

TEST(GrantCacheTest, AnEntryEndsWithItsLife) {
  GrantCache cache({});
  NewGrant grant = GrantOf(1);
  grant.end_of_life = absl::Seconds(10);
  cache.Insert(std::move(grant));
  cache.Insert(GrantOf(2));
  GrantCache::Reader reader(cache);
  const GrantEntry* ending = reader.Find(IdOf(1));
  EXPECT_TRUE(ending->LiveAt(absl::Seconds(10) - absl::Nanoseconds(1)));
  EXPECT_FALSE(ending->LiveAt(absl::Seconds(10)));
  EXPECT_TRUE(reader.Find(IdOf(2))->LiveAt(absl::Hours(24 * 365 * 200)));
}

TEST(GrantCacheTest, ALaterAnswerReplacesAnEarlierOne) {
  GrantCache cache({});
  cache.Insert(GrantOf(1, 5, "old"));
  EXPECT_TRUE(cache.Insert(GrantOf(1, 6, "new")));
  EXPECT_EQ(GrantCache::Reader(cache).Find(IdOf(1))->grant()->project_id, "new");
  EXPECT_EQ(cache.entries(), 1U);
}

TEST(GrantCacheTest, AnEarlierAnswerDoesNotReplaceALaterOne) {
  GrantCache cache({});
  cache.Insert(GrantOf(1, 6, "new"));
  const size_t bytes = cache.bytes();
  EXPECT_FALSE(cache.Insert(GrantOf(1, 5, "old")));
  EXPECT_EQ(GrantCache::Reader(cache).Find(IdOf(1))->grant()->project_id, "new");
  EXPECT_EQ(cache.entries(), 1U);
  EXPECT_EQ(cache.bytes(), bytes);
}

TEST(GrantCacheTest, EvictRemovesOneEntry) {
  GrantCache cache({});
  cache.Insert(GrantOf(1));
  cache.Insert(GrantOf(2));
  cache.Evict(IdOf(1));
  cache.Evict(IdOf(3));
  EXPECT_FALSE(Has(cache, 1));
  EXPECT_TRUE(Has(cache, 2));
  EXPECT_EQ(cache.entries(), 1U);
}

TEST(GrantCacheTest, EvictProjectRemovesAllOfIt) {
  constexpr uint64_t kKeys = 1'000;
  GrantCache cache({});
  for (uint64_t n = 0; n < kKeys; ++n) cache.Insert(GrantOf(n, 1, n % 3 == 0 ? "web" : "api"));
  cache.EvictProject("web");
  for (uint64_t n = 0; n < kKeys; ++n) EXPECT_EQ(Has(cache, n), n % 3 != 0) << n;
}

TEST(GrantCacheTest, FlushRemovesEverything) {
  GrantCache cache({});
  for (uint64_t n = 0; n < 100; ++n) cache.Insert(GrantOf(n));
  cache.Flush();
  for (uint64_t n = 0; n < 100; ++n) EXPECT_FALSE(Has(cache, n)) << n;
}

TEST(GrantCacheTest, AFlushedEntryDoesNotHinderItsSuccessor) {
  GrantCache cache({});
  cache.Insert(GrantOf(1, 100));
  cache.Flush();
  EXPECT_TRUE(cache.Insert(GrantOf(1, 5)));  // of another epoch, say
  EXPECT_TRUE(Has(cache, 1));
  EXPECT_EQ(cache.entries(), 1U);
}

TEST(GrantCacheTest, FlushedEntriesMakeRoomFirst) {
  GrantCache cache({.max_entries = 100});
  for (uint64_t n = 0; n < 100; ++n) {
    cache.Insert(GrantOf(n));
    Has(cache, n);  // used
  }
  cache.Flush();
  for (uint64_t n = 200; n < 250; ++n) cache.Insert(GrantOf(n));
  for (uint64_t n = 200; n < 250; ++n) EXPECT_TRUE(Has(cache, n)) << n;
}

TEST(GrantCacheTest, AReaderKeepsWhatItFound) {
  GrantCache cache({});
  cache.Insert(GrantOf(1));
  GrantCache::Reader reader(cache);
  const GrantEntry* entry = reader.Find(IdOf(1));
  cache.Evict(IdOf(1));
  for (uint64_t n = 100; n < 300; ++n) {  // gives reclamation its chances
    cache.Insert(GrantOf(n));
    cache.Evict(IdOf(n));
  }
  EXPECT_EQ(entry->grant()->id, IdOf(1));
  EXPECT_TRUE(Equal(entry->hash(), HashOf(1)));
}

TEST(GrantCacheTest, AGrantThatWasHandedOutOutlivesTheCache) {
  std::shared_ptr<const CachedGrant> grant;
  {
    GrantCache cache({});
    cache.Insert(GrantOf(1, 1, "web"));
    grant = GrantCache::Reader(cache).Find(IdOf(1))->grant();
  }
  EXPECT_EQ(grant->project_id, "web");
  EXPECT_EQ(grant.use_count(), 1);
}

TEST(GrantCacheTest, TheBoundsHoldThroughout) {
  const struct {
    const char* name;
    GrantCache::Limits limits;
  } kCases[] = {
      {"one entry", {.max_entries = 1}},
      {"few entries", {.max_entries = 10}},
      {"many entries", {.max_entries = 1'000}},
      {"few bytes", {.max_entries = 100'000, .max_bytes = 4'000}},
      {"more bytes", {.max_entries = 100'000, .max_bytes = 100'000}},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    GrantCache cache(c.limits);
    std::mt19937 random(1);
    for (int i = 0; i < 5'000; ++i) {
      NewGrant grant = GrantOf(random() % 3'000);
      auto larger = std::make_shared<CachedGrant>(*grant.grant);
      larger->metadata.assign(random() % 500, 'm');
      grant.grant = larger;
      const KeyId id = larger->id;
      ASSERT_TRUE(cache.Insert(std::move(grant)));
      ASSERT_NE(GrantCache::Reader(cache).Find(id), nullptr);
      ASSERT_LE(cache.entries(), c.limits.max_entries);
      ASSERT_LE(cache.bytes(), c.limits.max_bytes);
    }
    size_t found = 0;
    for (uint64_t n = 0; n < 3'000; ++n) found += Has(cache, n) ? 1 : 0;
    EXPECT_EQ(found, cache.entries());
  }
}

TEST(GrantCacheTest, WhatIsLargerThanTheCacheIsNotTaken) {
  GrantCache cache({.max_entries = 100, .max_bytes = 2'000});
  ASSERT_TRUE(cache.Insert(GrantOf(1)));
  NewGrant large = GrantOf(2);
  auto grant = std::make_shared<CachedGrant>(*large.grant);
  grant->metadata.assign(3'000, 'm');
  large.grant = grant;
  EXPECT_FALSE(cache.Insert(std::move(large)));
  EXPECT_TRUE(Has(cache, 1));
}

TEST(GrantCacheTest, AnEmptiedCacheCountsNothing) {
  GrantCache cache({});
  for (uint64_t n = 0; n < 100; ++n) cache.Insert(GrantOf(n));
  EXPECT_GT(cache.bytes(), 100 * sizeof(CachedGrant));
  for (uint64_t n = 0; n < 100; ++n) cache.Evict(IdOf(n));
  EXPECT_EQ(cache.entries(), 0U);
  EXPECT_EQ(cache.bytes(), 0U);
}

TEST(GrantCacheTest, WhatIsUsedStaysBeforeWhatIsNot) {
  constexpr uint64_t kUsed = 50;
  GrantCache cache({.max_entries = 1'000});
  for (uint64_t n = 0; n < kUsed; ++n) cache.Insert(GrantOf(n));
  for (uint64_t n = 1'000; n < 11'000; ++n) {  // each used never again
    cache.Insert(GrantOf(n));
    for (uint64_t used = 0; n % 10 == 0 && used < kUsed; ++used) Has(cache, used);
  }
  uint64_t kept = 0;
  for (uint64_t n = 0; n < kUsed; ++n) kept += Has(cache, n) ? 1 : 0;
  EXPECT_EQ(kept, kUsed);
}

// Against a plain set, one shard's worth of collisions included.
TEST(GrantCacheTest, BehavesLikeASet) {
  GrantCache cache({.max_entries = 10'000});
  std::set<uint64_t> reference;
  std::mt19937 random(42);
  for (int i = 0; i < 20'000; ++i) {
    const uint64_t n = random() % 500;
    switch (random() % 10) {
      case 0:
      case 1:
      case 2:
        cache.Evict(IdOf(n));
        reference.erase(n);
        break;
      case 3:
        if (random() % 200 == 0) {
          cache.Flush();
          reference.clear();
        }
        break;
      default:
        cache.Insert(GrantOf(n));
        reference.insert(n);
    }
    const uint64_t probe = random() % 500;
    ASSERT_EQ(Has(cache, probe), reference.count(probe) == 1) << "step " << i << ", key " << probe;
  }
}

TEST(CachedGrantTest, DecidesWithoutItsDate) {
  NewGrant grant = GrantOf(1);
  auto expired = std::make_shared<CachedGrant>(*grant.grant);
  expired->expire_time = absl::UnixEpoch();
  expired->allowed_cidrs = {*Cidr::Parse("10.0.0.0/8")};
  const std::string_view scopes[] = {"orders:read"};
  const Requirements inside = {
      .project_id = "web", .required_scopes = scopes, .client_ip = IpAddress::Parse("10.1.2.3")};
  const absl::Time now = absl::FromUnixSeconds(1893456000);
  EXPECT_EQ(Decide(SubjectOf(*expired), inside, now), VerifyCode::kValid);
  EXPECT_EQ(Decide(SubjectOf(*expired), {.project_id = "api"}, now), VerifyCode::kNotFound);
  EXPECT_EQ(Decide(SubjectOf(*expired), {}, now), VerifyCode::kAddressNotAllowed);
}

TEST(CachedGrantTest, MemoryCountsWhatHangsOnIt) {
  CachedGrant grant;
  const size_t empty = MemoryOf(grant);
  grant.metadata.assign(1'000, 'm');
  grant.labels.emplace_back(std::string(100, 'k'), std::string(100, 'v'));
  grant.scopes = ScopeSet::FromTrusted({std::string(100, 's')});
  EXPECT_GE(MemoryOf(grant), empty + 1'300);
  EXPECT_LT(MemoryOf(grant), empty + 3'000);
}

}  // namespace
}  // namespace claviger::client
