// Lists of more keys than one call looks at.

#include <memory>
#include <set>
#include <string>
#include <utility>

#include "storage/rocksdb/rocksdb_store.h"
#include "tests/integration/server_test.h"
#include "tests/support/fake_random.h"
#include "tests/support/store_testing.h"

namespace claviger {
namespace {

// A little more than ListLimits::scanned.
constexpr int kKeys = 22'000;
constexpr int kKeysPerCommit = 1000;
constexpr int kRareEvery = 5'500;

class ListSizeTest : public ServerTest {
 protected:
  // Fills the store while the server is stopped: issuing so many keys one by one would take long.
  void SetUp() override {
    MakeProject("big");
    MakeProject("small");
    small_ = Issue("small").info().key_id();
    server_.Stop();
    FillStore();
    ASSERT_EQ(server_.Start(), absl::OkStatus());
  }

  void FillStore() {
    RocksDbStoreOptions options;
    options.data_dir = server_.data_dir();
    options.clock = &server_.clock();
    options.random = &random_;
    const auto store = RocksDbStore::Open(options);
    ASSERT_TRUE(store.ok()) << store.status();
    for (int made = 0; made < kKeys;) {
      ChangeSet changes;
      changes.audit.actor = "system";
      changes.audit.action = "ImportKeys";
      for (; changes.put_keys.size() < kKeysPerCommit; ++made) {
        KeyRecord key = TestKey(made, "big", server_.clock().Now() - absl::Seconds(made));
        if (made % kRareEvery == kRareEvery - 1) {
          key.display_name = "rare";
          key.owner = "ann";
        }
        changes.put_keys.push_back(std::move(key));
      }
      ASSERT_TRUE(CommitAndWait(**store, Giving(std::move(changes))).ok());
    }
  }

  struct Listed {
    std::multiset<std::string> ids;
    int pages = 0;
    int short_pages = 0;  // with others behind them
  };
  Listed AllPages(v1::ListKeysRequest request) {
    Listed listed;
    for (;;) {
      const auto page = root().Call(request);
      EXPECT_THAT(page, IsOk());
      if (!page.ok()) return listed;
      ++listed.pages;
      for (const v1::Key& key : page->keys()) listed.ids.insert(key.key_id());
      if (page->next_page_token().empty()) return listed;
      if (page->keys_size() < request.page_size()) ++listed.short_pages;
      request.set_page_token(page->next_page_token());
    }
  }

  FakeRandom random_;
  std::string small_;
};

TEST_F(ListSizeTest, ASearchForFewAmongManyComesInShortPagesThatAddUp) {
  v1::ListKeysRequest request;
  request.set_page_size(10);
  request.set_name_contains("RARE");
  for (const std::string order : {"create_time desc", "create_time asc", "expire_time"}) {
    request.set_order_by(order);
    const Listed listed = AllPages(request);
    EXPECT_EQ(listed.ids.size(), static_cast<size_t>(kKeys / kRareEvery)) << order;
    EXPECT_EQ(std::set<std::string>(listed.ids.begin(), listed.ids.end()).size(), 4u) << order;
    EXPECT_EQ(listed.short_pages, 1) << order;
  }
}

TEST_F(ListSizeTest, AnOwnersKeysAndASmallProjectAreOnePage) {
  v1::ListKeysRequest request;
  request.set_page_size(10);
  request.set_owner("ann");
  for (const std::string order : {"create_time", "expire_time", "name"}) {
    request.set_order_by(order);
    EXPECT_EQ(AllPages(request).pages, 1) << order;
    EXPECT_EQ(AllPages(request).ids.size(), 4u) << order;
  }
  request.clear_owner();
  request.add_project_ids("small");
  request.set_name_contains("no such name");
  EXPECT_EQ(AllPages(request).pages, 1);
}

TEST_F(ListSizeTest, TheTotalCountsAllOfThemAndTheTokenGoesOnWithoutIt) {
  v1::ListKeysRequest request;
  request.set_page_size(1000);
  request.add_project_ids("big");
  request.set_include_total_size(true);
  const auto first = root().Call(request);
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->total_size(), kKeys);
  request.set_include_total_size(false);
  request.set_page_token(first->next_page_token());
  const auto second = root().Call(request);
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(second->total_size(), 0);
  EXPECT_NE(second->keys(0).key_id(), first->keys(0).key_id());
}

TEST_F(ListSizeTest, ABoundCallerFindsItsOwnKeysAmongTheOthers) {
  const TestCaller bound = Manager({"keys.read"}, {"small"});
  for (const std::string order : {"create_time", "expire_time", "name"}) {
    v1::ListKeysRequest request;
    request.set_order_by(order);
    const auto page = bound.Call(request);
    ASSERT_THAT(page, IsOk());
    ASSERT_EQ(page->keys_size(), 1) << order;
    EXPECT_EQ(page->keys(0).key_id(), small_);
    EXPECT_EQ(page->next_page_token(), "");
  }
}

TEST_F(ListSizeTest, PagesOfAThousandShowEveryKeyOnce) {
  v1::ListKeysRequest request;
  request.set_page_size(1000);
  request.add_project_ids("big");
  const Listed listed = AllPages(request);
  EXPECT_EQ(listed.ids.size(), static_cast<size_t>(kKeys));
  EXPECT_EQ(std::set<std::string>(listed.ids.begin(), listed.ids.end()).size(),
            static_cast<size_t>(kKeys));
  EXPECT_EQ(listed.short_pages, 0);
}

}  // namespace
}  // namespace claviger
