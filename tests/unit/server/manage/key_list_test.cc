#include "server/manage/key_list.h"

#include <functional>

#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/manage/page_token.h"
#include "storage/memory/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/support/store_testing.h"

namespace claviger {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const absl::Time kNow = absl::FromUnixSeconds(1893456000);
constexpr absl::Duration kHour = absl::Hours(1);

// A key on which every filter has something to look at.
KeyRecord FullKey() {
  KeyRecord key = TestKey(1, "shop", kNow - kHour);
  key.display_name = "Billing of Köln";
  key.owner = "ann";
  key.labels = {{"team", "blue"}, {"tier", "1"}};
  key.scopes = ScopeSet::FromTrusted({"orders:*"});
  key.environment = Environment::kTest;
  key.expire_time = kNow + kHour;
  return key;
}

struct MatchCase {
  std::string name;
  std::function<void(KeyFilter&)> set;
  bool matches;
};

TEST(MatchesTest, EachFilter) {
  for (const MatchCase& row : std::vector<MatchCase>{
           {"none", [](KeyFilter&) {}, true},
           {"its state", [](KeyFilter& f) { f.states = {KeyState::kActive}; }, true},
           {"another state", [](KeyFilter& f) { f.states = {KeyState::kRevoked}; }, false},
           {"one of its states",
            [](KeyFilter& f) {
              f.states = {KeyState::kRevoked, KeyState::kActive};
            },
            true},
           {"hide revoked", [](KeyFilter& f) { f.hide_revoked = true; }, true},
           {"its owner", [](KeyFilter& f) { f.owner = "ann"; }, true},
           {"an owner in another case", [](KeyFilter& f) { f.owner = "Ann"; }, false},
           {"a label",
            [](KeyFilter& f) {
              f.labels = {{"team", "blue"}};
            },
            true},
           {"all labels",
            [](KeyFilter& f) {
              f.labels = {{"team", "blue"}, {"tier", "1"}};
            },
            true},
           {"another value",
            [](KeyFilter& f) {
              f.labels = {{"team", "red"}};
            },
            false},
           {"a label more",
            [](KeyFilter& f) {
              f.labels = {{"team", "blue"}, {"x", ""}};
            },
            false},
           {"a covered scope", [](KeyFilter& f) { f.scope = "orders:read"; }, true},
           {"a covered wildcard", [](KeyFilter& f) { f.scope = "orders:read:*"; }, true},
           {"an uncovered scope", [](KeyFilter& f) { f.scope = "orders"; }, false},
           {"its environment", [](KeyFilter& f) { f.environment = Environment::kTest; }, true},
           {"the other", [](KeyFilter& f) { f.environment = Environment::kLive; }, false},
           {"a part of its name", [](KeyFilter& f) { f.name_contains = "bILLing O"; }, true},
           {"a part beyond ASCII", [](KeyFilter& f) { f.name_contains = "köln"; }, true},
           {"case beyond ASCII", [](KeyFilter& f) { f.name_contains = "KÖLN"; }, false},
           {"another name", [](KeyFilter& f) { f.name_contains = "bills"; }, false},
           {"created before later", [](KeyFilter& f) { f.created_before = kNow; }, true},
           {"created before then", [](KeyFilter& f) { f.created_before = kNow - kHour; }, false},
           {"created at then or after", [](KeyFilter& f) { f.created_after = kNow - kHour; }, true},
           {"created after", [](KeyFilter& f) { f.created_after = kNow; }, false},
           {"ends before later", [](KeyFilter& f) { f.expire_before = kNow + 2 * kHour; }, true},
           {"ends before then", [](KeyFilter& f) { f.expire_before = kNow + kHour; }, false},
           {"ends then or after", [](KeyFilter& f) { f.expire_after = kNow + kHour; }, true},
           {"ends after", [](KeyFilter& f) { f.expire_after = kNow + 2 * kHour; }, false},
           {"one good and one bad",
            [](KeyFilter& f) {
              f.owner = "ann";
              f.name_contains = "x";
            },
            false}}) {
    KeyFilter filter;
    row.set(filter);
    EXPECT_EQ(Matches(filter, FullKey(), kNow), row.matches) << row.name;
  }
}

TEST(MatchesTest, TheStateIsThatOfTheMoment) {
  KeyFilter expired;
  expired.states = {KeyState::kExpired};
  EXPECT_FALSE(Matches(expired, FullKey(), kNow));
  EXPECT_TRUE(Matches(expired, FullKey(), kNow + kHour));
}

TEST(MatchesTest, DeletedKeysAreShownToThoseWhoAsk) {
  KeyRecord key = FullKey();
  key.revocation = Revocation{.time = kNow, .note = ""};
  KeyFilter hide;
  hide.hide_revoked = true;
  EXPECT_TRUE(Matches(KeyFilter(), key, kNow));
  EXPECT_FALSE(Matches(hide, key, kNow));
  key.delete_time = kNow;
  EXPECT_FALSE(Matches(KeyFilter(), key, kNow));
  KeyFilter deleted;
  deleted.states = {KeyState::kDeleted};
  EXPECT_TRUE(Matches(deleted, key, kNow));
}

TEST(MatchesTest, AKeyWithoutEndEndsAfterEverything) {
  KeyRecord key = FullKey();
  key.expire_time.reset();
  KeyFilter filter;
  filter.expire_after = absl::FromUnixSeconds(253'402'300'799);
  EXPECT_TRUE(Matches(filter, key, kNow));
  filter = {};
  filter.expire_before = absl::FromUnixSeconds(253'402'300'799);
  EXPECT_FALSE(Matches(filter, key, kNow));
}

class ListKeysTest : public ::testing::Test {
 protected:
  ListKeysTest()
      : store_(*MemoryStore::Create({.clock = &clock_, .random = &random_, .commit = {}})) {
    for (const char* const project : {"aaa", "bbb"}) Put(TestProject(project));
  }

  template <typename Record>
  void Put(Record record) {
    ASSERT_TRUE(CommitAndWait(*store_, Putting(std::move(record))).ok());
  }

  static Caller Reader(std::vector<std::string> projects, const std::string& scope = "keys.read") {
    KeyRecord key = TestKey(9999, kManagementProject);
    key.scopes = ScopeSet::FromTrusted({scope});
    key.bound_project_ids = std::move(projects);
    return Caller::FromKey(std::make_shared<const KeyRecord>(std::move(key)), "");
  }

  std::vector<int> Numbers(const Caller& caller, ListParams params) {
    std::vector<int> numbers;
    for (;;) {
      const absl::StatusOr<KeyPage> page = ListKeys(*store_, caller, params, kNow);
      if (!page.ok()) {
        ADD_FAILURE() << page.status();
        return numbers;
      }
      for (const KeyRecord& key : page->keys) {
        numbers.push_back(std::stoi(key.id.ToString().substr(2)));
      }
      if (page->next_page_token.empty()) return numbers;
      params.page_token = page->next_page_token;
    }
  }

  FakeClock clock_;
  FakeRandom random_;
  std::unique_ptr<MemoryStore> store_;
};

TEST_F(ListKeysTest, KeysOfOneMomentAreInTheOrderOfTheirIds) {
  for (const int n : {3, 1, 4, 2}) Put(TestKey(n, n % 2 == 0 ? "aaa" : "bbb", kNow));
  for (const size_t page_size : {1u, 2u, 3u, 10u}) {
    ListParams params;
    params.page_size = page_size;
    EXPECT_THAT(Numbers(Reader({}), params), ElementsAre(1, 2, 3, 4)) << page_size;
    EXPECT_THAT(Numbers(Reader({"aaa", "bbb"}), params), ElementsAre(1, 2, 3, 4)) << page_size;
    params.descending = false;
    EXPECT_THAT(Numbers(Reader({}), params), ElementsAre(4, 3, 2, 1)) << page_size;
    EXPECT_THAT(Numbers(Reader({"aaa", "bbb"}), params), ElementsAre(4, 3, 2, 1)) << page_size;
  }
}

TEST_F(ListKeysTest, NamesThatBeginAlikeAreInOrderBothWays) {
  int n = 0;
  for (const std::string name : {"abc", "ab", "AB", "abd", ""}) {
    ++n;
    KeyRecord key = TestKey(n, "aaa", kNow + n * absl::Seconds(1));
    key.display_name = name;
    Put(key);
  }
  ListParams params;
  params.order = KeyOrder::kName;
  params.descending = false;
  params.page_size = 1;
  EXPECT_THAT(Numbers(Reader({}), params), ElementsAre(5, 3, 2, 1, 4));
  params.descending = true;
  EXPECT_THAT(Numbers(Reader({}), params), ElementsAre(4, 1, 3, 2, 5));
}

TEST_F(ListKeysTest, ABoundCallerSeesItsProjectsOnly) {
  Put(TestKey(1, "aaa"));
  Put(TestKey(2, "bbb"));
  EXPECT_THAT(Numbers(Reader({"bbb"}), {}), ElementsAre(2));
  ListParams params;
  params.filter.project_ids = {"aaa"};
  EXPECT_THAT(Numbers(Reader({"bbb"}), params), IsEmpty());
}

TEST_F(ListKeysTest, NeedsThePermission) {
  const auto page = ListKeys(*store_, Reader({}, "keys.verify"), {}, kNow);
  EXPECT_EQ(page.status().code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(ListKeysTest, APositionThatMakesNoSenseIsRefused) {
  ListParams params;
  for (const std::string& position : {std::string(), std::string("short"), std::string(24, '\xff'),
                                      std::string(23, '0'), std::string(25, '0')}) {
    for (const KeyOrder order : {KeyOrder::kCreateTime, KeyOrder::kName, KeyOrder::kExpireTime}) {
      for (const bool descending : {true, false}) {
        // A name may be as short as that.
        if (order == KeyOrder::kName && position.size() == 25) continue;
        params.order = order;
        params.descending = descending;
        params.page_token = EncodePageToken(params.arguments_hash, position);
        const auto page = ListKeys(*store_, Reader({}), params, kNow);
        EXPECT_EQ(DetailsOf(page.status()).reason, Reason::kPageTokenInvalid)
            << ::testing::PrintToString(position);
      }
    }
  }
}

}  // namespace
}  // namespace claviger
