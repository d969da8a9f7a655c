// Lists of keys under bounds: what is read, where a page ends, and that pages together are the
// list.
#include "server/manage/key_search.h"

#include <algorithm>
#include <set>

#include "absl/strings/escaping.h"
#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/memory/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/support/store_testing.h"

namespace claviger {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

const absl::Time kNow = absl::FromUnixSeconds(1893456000);
constexpr int kKeys = 60;

// Sixty keys in three projects, three of each moment; every second one ends, three at a time. Every
// tenth is rare's, and labelled so.
class KeySearchTest : public ::testing::Test {
 protected:
  KeySearchTest()
      : store_(*MemoryStore::Create({.clock = &clock_, .random = &random_, .commit = {}})) {
    for (int n = 1; n <= kKeys; ++n) Put(Key(n));
  }

  static KeyRecord Key(int n) {
    static constexpr const char* kProjects[] = {"aaa", "bbb", "ccc"};
    KeyRecord key = TestKey(n, kProjects[n % 3], kNow + (n / 3) * absl::Seconds(1));
    key.display_name = fmt::format("Name {}", n * 7 % 20);
    if (n % 2 == 0) key.expire_time = kNow + absl::Hours(1 + n / 6);
    key.owner = n % 10 == 0 ? "rare" : "common";
    key.labels = {{"kind", key.owner}};
    return key;
  }
  void Put(KeyRecord key) { ASSERT_TRUE(CommitAndWait(*store_, Putting(std::move(key))).ok()); }

  static Caller Reader(std::vector<std::string> projects = {}) {
    KeyRecord key = TestKey(9999, kManagementProject);
    key.scopes = ScopeSet::FromTrusted({"keys.read"});
    key.bound_project_ids = std::move(projects);
    return Caller::FromKey(std::make_shared<const KeyRecord>(std::move(key)), "");
  }
  static int Number(const KeyRecord& key) { return std::stoi(key.id.ToString().substr(2)); }

  absl::StatusOr<KeyPage> List(const ListParams& params, const ListLimits& limits,
                               const Caller& caller = Reader()) {
    return ListKeys(*store_, caller, params, kNow, limits);
  }

  struct Listed {
    std::vector<int> numbers;
    int pages = 0;
    size_t fewest = 1000;  // keys on a page
  };
  Listed AllPages(
      ListParams params, const ListLimits& limits, const Caller& caller = Reader(),
      const std::function<void(int)>& between = [](int) {}) {
    Listed listed;
    for (;;) {
      const absl::StatusOr<KeyPage> page = List(params, limits, caller);
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok() || ++listed.pages > 1000) return listed;
      EXPECT_LE(page->keys.size(), params.page_size);
      listed.fewest = std::min(listed.fewest, page->keys.size());
      for (const KeyRecord& key : page->keys) listed.numbers.push_back(Number(key));
      if (page->next_page_token.empty()) return listed;
      params.page_token = page->next_page_token;
      between(listed.pages);
    }
  }

  FakeClock clock_;
  FakeRandom random_;
  std::unique_ptr<MemoryStore> store_;
};

// All keys that match, in the order that the places say.
std::vector<int> Expected(const ListParams& params, const std::vector<KeyRecord>& keys) {
  std::vector<std::pair<std::string, int>> placed;
  for (const KeyRecord& key : keys) {
    const auto& ids = params.filter.project_ids;
    if (!ids.empty() && std::find(ids.begin(), ids.end(), key.project_id) == ids.end()) continue;
    if (!Matches(params.filter, key, kNow)) continue;
    placed.emplace_back(PlaceOf({params.order, params.descending}, key),
                        std::stoi(key.id.ToString().substr(2)));
  }
  std::sort(placed.begin(), placed.end());
  std::vector<int> numbers;
  for (const auto& [place, number] : placed) numbers.push_back(number);
  return numbers;
}

TEST_F(KeySearchTest, PagesTogetherAreTheListHoweverLittleIsLookedAt) {
  std::vector<KeyRecord> keys;
  for (int n = 1; n <= kKeys; ++n) keys.push_back(Key(n));
  std::vector<KeyFilter> filters(8);
  filters[1].owner = "rare";
  filters[2].labels = {{"kind", "rare"}};
  filters[3].name_contains = "name 3";
  filters[4].project_ids = {"aaa", "ccc"};
  filters[5].expire_before = kNow + absl::Hours(6);
  filters[6].expire_after = kNow + absl::Hours(4);
  filters[7].created_after = kNow + absl::Seconds(4);
  filters[7].created_before = kNow + absl::Seconds(12);
  for (size_t f = 0; f < filters.size(); ++f) {
    for (const KeyOrder order : {KeyOrder::kCreateTime, KeyOrder::kName, KeyOrder::kExpireTime}) {
      for (const bool descending : {true, false}) {
        ListParams params;
        params.filter = filters[f];
        params.order = order;
        params.descending = descending;
        const std::vector<int> expected = Expected(params, keys);
        ASSERT_FALSE(expected.empty());
        for (const size_t scanned : {1u, 7u, 1000u}) {
          for (const size_t page_size : {1u, 4u, 100u}) {
            SCOPED_TRACE(fmt::format("filter {} order {} descending {} scanned {} page {}", f,
                                     static_cast<int>(order), descending, scanned, page_size));
            params.page_size = page_size;
            EXPECT_EQ(AllPages(params, {.scanned = scanned}).numbers, expected);
            EXPECT_EQ(AllPages(params, {.scanned = scanned}, Reader({"aaa", "bbb", "ccc"})).numbers,
                      expected);
          }
        }
      }
    }
  }
}

TEST_F(KeySearchTest, ABoundCallersPagesHaveNothingOfOtherProjects) {
  for (const KeyOrder order : {KeyOrder::kCreateTime, KeyOrder::kName, KeyOrder::kExpireTime}) {
    ListParams params;
    params.order = order;
    params.page_size = 3;
    const Listed listed = AllPages(params, {.scanned = 5}, Reader({"bbb"}));
    EXPECT_EQ(listed.numbers.size(), 20u);
    for (const int n : listed.numbers) EXPECT_EQ(n % 3, 1);
    params.filter.project_ids = {"aaa"};
    EXPECT_THAT(AllPages(params, {.scanned = 5}, Reader({"bbb"})).numbers, IsEmpty());
  }
}

TEST_F(KeySearchTest, ABoundCallersPageTokensHaveNothingOfOtherProjects) {
  for (const KeyOrder order : {KeyOrder::kCreateTime, KeyOrder::kName, KeyOrder::kExpireTime}) {
    for (const bool descending : {true, false}) {
      for (const bool only_rare : {true, false}) {
        ListParams params;
        params.order = order;
        params.descending = descending;
        params.page_size = 3;
        if (only_rare) params.filter.owner = "rare";
        std::set<std::string> own_places;
        for (int n = 1; n <= kKeys; n += 3) own_places.insert(PlaceOf({order, descending}, Key(n)));
        for (int page = 0; page < 100; ++page) {
          const auto found = List(params, {.scanned = 1}, Reader({"bbb"}));
          ASSERT_TRUE(found.ok()) << found.status();
          params.page_token = found->next_page_token;
          if (params.page_token.empty()) break;
          std::string token;
          ASSERT_TRUE(absl::WebSafeBase64Unescape(params.page_token, &token));
          EXPECT_TRUE(std::any_of(own_places.begin(), own_places.end(),
                                  [&](const auto& place) { return token.ends_with(place); }))
              << "order " << static_cast<int>(order) << " page " << page;
        }
        EXPECT_EQ(params.page_token, "");
      }
    }
  }
}

TEST_F(KeySearchTest, ABoundCallersKeysAreSortedByExpiryOrRefused) {
  ListParams params;
  params.order = KeyOrder::kExpireTime;
  const auto page = List(params, {.sorted = 19}, Reader({"bbb"}));
  EXPECT_EQ(page.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(DetailsOf(page.status()).reason, Reason::kListTooLarge);
  EXPECT_TRUE(List(params, {.sorted = 20}, Reader({"bbb"})).ok());
  // Who may read all keys goes through them in the order of the index.
  EXPECT_TRUE(List(params, {.sorted = 19}).ok());
}

TEST_F(KeySearchTest, ARareFilterEndsPagesEarly) {
  ListParams params;
  params.filter.name_contains = "no name";
  const Listed listed = AllPages(params, {.scanned = 10});
  EXPECT_THAT(listed.numbers, IsEmpty());
  EXPECT_EQ(listed.pages, 7);  // six of ten keys each, and the end
  EXPECT_EQ(listed.fewest, 0u);
}

TEST_F(KeySearchTest, AnOwnerOrALabelIsFoundWithoutLookingAtOthers) {
  ListParams by_owner;
  by_owner.filter.owner = "rare";
  ListParams by_label;
  by_label.filter.labels = {{"kind", "rare"}};
  for (const ListParams& params : {by_owner, by_label}) {
    for (const KeyOrder order : {KeyOrder::kCreateTime, KeyOrder::kExpireTime, KeyOrder::kName}) {
      ListParams ordered = params;
      ordered.order = order;
      // There are six.
      const auto page = List(ordered, {.scanned = 7, .sorted = 7});
      ASSERT_TRUE(page.ok()) << page.status();
      EXPECT_EQ(page->keys.size(), 6u);
      EXPECT_EQ(page->next_page_token, "");
    }
  }
}

TEST_F(KeySearchTest, KeysThatExpireSoonAreFoundWithoutLookingAtOthers) {
  ListParams params;
  params.filter.expire_before = kNow + absl::Hours(2);
  for (const KeyOrder order : {KeyOrder::kCreateTime, KeyOrder::kExpireTime}) {
    params.order = order;
    params.descending = false;
    const auto page = List(params, {.scanned = 3});
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_EQ(page->next_page_token, "");
    ASSERT_EQ(page->keys.size(), 2u);
    EXPECT_EQ(std::set<int>({Number(page->keys[0]), Number(page->keys[1])}), (std::set<int>{2, 4}));
  }
}

TEST_F(KeySearchTest, ActiveKeysThatExpireSoonAreFoundBehindAllThatHaveExpired) {
  for (int n = 101; n <= 140; ++n) {
    KeyRecord key = Key(n);
    key.expire_time = kNow - absl::Hours(n);
    Put(key);
  }
  ListParams params;
  params.filter.expire_before = kNow + absl::Hours(2);
  params.filter.states = {KeyState::kActive, KeyState::kDisabled};
  for (const KeyOrder order : {KeyOrder::kCreateTime, KeyOrder::kExpireTime}) {
    params.order = order;
    const auto page = List(params, {.scanned = 3});
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_EQ(page->keys.size(), 2u);
    EXPECT_EQ(page->next_page_token, "");
  }
}

TEST_F(KeySearchTest, TimesOfCreationBoundWhatIsLookedAt) {
  ListParams params;
  params.filter.created_before = kNow + absl::Seconds(3);
  params.filter.created_after = kNow + absl::Seconds(2);
  for (const bool descending : {true, false}) {
    params.descending = descending;
    const auto page = List(params, {.scanned = 4});
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_EQ(page->keys.size(), 3u);
    EXPECT_EQ(page->next_page_token, "");
  }
}

TEST_F(KeySearchTest, MoreThanCanBeSortedIsRefusedAndSaysWhatToDo) {
  ListParams params;
  params.order = KeyOrder::kName;
  const auto page = List(params, {.sorted = kKeys - 1});
  EXPECT_EQ(page.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(DetailsOf(page.status()).reason, Reason::kListTooLarge);
  ASSERT_EQ(DetailsOf(page.status()).fields.size(), 1u);
  EXPECT_EQ(DetailsOf(page.status()).fields.front().field, "order_by");
  EXPECT_THAT(std::string(page.status().message()), ::testing::HasSubstr("at most 59 keys"));
  EXPECT_TRUE(List(params, {.sorted = kKeys}).ok());
}

TEST_F(KeySearchTest, WhenTimeIsOverTheSearchEnds) {
  for (int n = kKeys + 1; n <= 300; ++n) Put(Key(n));
  const ListLimits late{.out_of_time = [] { return true; }};
  ListParams params;
  params.filter.name_contains = "no name";
  EXPECT_EQ(List(params, late).status().code(), absl::StatusCode::kDeadlineExceeded);
  params.order = KeyOrder::kName;
  EXPECT_EQ(List(params, late).status().code(), absl::StatusCode::kDeadlineExceeded);
  ListParams total;
  total.page_size = 1;
  EXPECT_TRUE(List(total, late).ok());
  total.include_total_size = true;
  const auto page = List(total, late);
  EXPECT_EQ(page.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(DetailsOf(page.status()).reason, Reason::kDeadlineExceeded);
}

TEST_F(KeySearchTest, TheTotalIsOfAllPagesWhateverBoundsThem) {
  ListParams params;
  params.page_size = 2;
  params.include_total_size = true;
  const auto total = [&](const Caller& caller = Reader()) {
    const auto page = List(params, {.scanned = 3}, caller);
    return page.ok() ? page->total_size : -1;
  };
  EXPECT_EQ(total(), kKeys);
  EXPECT_EQ(total(Reader({"aaa"})), 20);
  EXPECT_EQ(total(Reader({"aaa", "bbb"})), 40);
  params.filter.expire_before = kNow + absl::Hours(2);
  EXPECT_EQ(total(), 2);
  params.filter = {};
  params.filter.owner = "rare";
  EXPECT_EQ(total(), 6);
  params.filter = {};
  params.filter.project_ids = {"nowhere"};
  EXPECT_EQ(total(), 0);
}

TEST_F(KeySearchTest, ShortPagesShowWhatWasThereThroughoutOnceWhileKeysComeAndChange) {
  for (const bool descending : {true, false}) {
    ListParams params;
    params.page_size = 4;
    params.descending = descending;
    params.filter.name_contains = "name 1";
    const Listed listed = AllPages(params, {.scanned = 5}, Reader(), [&](int page) {
      // New ones on both ends, in the middle, and changes of those that are there.
      for (const int seconds : {-page, 5, 100 + page}) {
        KeyRecord key = Key(1000 + page * 10 + (seconds > 50 ? 1 : seconds > 0 ? 2 : 3));
        key.create_time = kNow + absl::Seconds(seconds);
        key.display_name = "Name 1";
        if (store_->FindKey(key.id).value() == nullptr) Put(key);
      }
      KeyRecord changed = Key(1 + page % kKeys);
      changed.owner = fmt::format("owner {}", page);
      Put(changed);
    });
    std::multiset<int> shown(listed.numbers.begin(), listed.numbers.end());
    for (int n = 1; n <= kKeys; ++n) {
      const bool matches = Key(n).display_name.find("Name 1") == 0;
      EXPECT_EQ(shown.count(n), matches ? 1u : 0u) << n;
    }
    for (const int n : listed.numbers) EXPECT_EQ(shown.count(n), 1u) << n;
  }
}

}  // namespace
}  // namespace claviger
