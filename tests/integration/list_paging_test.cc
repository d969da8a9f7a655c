// Pages of many keys: none is skipped and none shown twice, whatever is written meanwhile.

#include <atomic>
#include <set>
#include <thread>

#include "tests/integration/server_test.h"

namespace claviger {
namespace {

constexpr int kKeys = 500;
constexpr int kThreads = 10;

class ListPagingTest : public ServerTest {
 protected:
  // 500 keys in three projects, ten at each moment, so that there are ties in every order.
  void SetUp() override {
    for (const char* const project : kProjects) MakeProject(project);
    for (int round = 0; round < kKeys / kThreads; ++round) {
      IssueTen(round);
      server_.clock().Advance(absl::Seconds(1));
    }
    ASSERT_EQ(expected_.size(), static_cast<size_t>(kKeys));
  }

  void IssueTen(int round) {
    std::vector<IssuedKey> issued(kThreads);
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < kThreads; ++i) {
        threads.emplace_back([&, i] {
          v1::IssueKeyRequest request = NewKey(kProjects[(round + i) % 3]);
          request.set_display_name("name " + std::to_string((round * 7 + i) % 20));
          if (i % 2 == 0) SetDuration(absl::Hours(1 + round % 5), request.mutable_ttl());
          issued[i] = Issue(request);
        });
      }
    }
    for (const IssuedKey& key : issued) expected_.insert(key.info().key_id());
  }

  // Ids in the order in which the pages show them.
  Strings AllPages(
      const std::string& order_by, int page_size,
      const std::function<void()>& between_pages = [] {}) {
    v1::ListKeysRequest request;
    for (const char* const project : kProjects) request.add_project_ids(project);
    request.set_order_by(order_by);
    request.set_page_size(page_size);
    Strings ids;
    for (;;) {
      const auto page = root().Call(request);
      EXPECT_THAT(page, IsOk());
      EXPECT_LE(page->keys_size(), page_size);
      for (const v1::Key& key : page->keys()) ids.push_back(key.key_id());
      if (page->next_page_token().empty()) return ids;
      EXPECT_EQ(page->keys_size(), page_size);
      request.set_page_token(page->next_page_token());
      between_pages();
    }
  }

  static constexpr const char* kProjects[] = {"aaa", "bbb", "ccc"};
  std::set<std::string> expected_;
};

TEST_F(ListPagingTest, EveryPageSizeShowsEveryKeyOnceInTheSameOrder) {
  for (const std::string order :
       {"", "create_time asc", "name", "name desc", "expire_time", "expire_time desc"}) {
    const Strings whole = AllPages(order, 1000);
    EXPECT_EQ(std::set<std::string>(whole.begin(), whole.end()), expected_) << order;
    EXPECT_EQ(whole.size(), expected_.size()) << order;
    EXPECT_EQ(AllPages(order, 7), whole) << order;
  }
  EXPECT_EQ(AllPages("", 1), AllPages("", 1000));
}

TEST_F(ListPagingTest, MoreThanAThousandIsTakenAsAThousand) {
  for (int round = 0; round < 51; ++round) IssueTen(round);
  v1::ListKeysRequest request;
  request.set_page_size(5000);
  const auto page = root().Call(request);
  ASSERT_THAT(page, IsOk());
  EXPECT_EQ(page->keys_size(), 1000);
  EXPECT_FALSE(page->next_page_token().empty());
  request.set_page_size(0);
  EXPECT_EQ(root().Call(request)->keys_size(), 50);
}

TEST_F(ListPagingTest, KeysThatWereThereThroughoutAreShownOnceWhileOthersComeAndChange) {
  for (const std::string order :
       {"create_time desc", "create_time asc", "name", "expire_time desc"}) {
    SCOPED_TRACE(order);
    std::atomic<bool> stop = false;
    std::jthread writer([&] {
      for (int i = 0; !stop; ++i) {
        v1::IssueKeyRequest request = NewKey(kProjects[i % 3]);
        request.set_display_name("name " + std::to_string(i % 30));
        const std::string id = Issue(request).info().key_id();
        if (i % 2 == 0) Revoke(id);
        server_.clock().Advance(absl::Milliseconds(1));
      }
    });
    const Strings shown = AllPages(order, 7);
    stop = true;
    writer.join();
    std::set<std::string> once;
    for (const std::string& id : shown) EXPECT_TRUE(once.insert(id).second) << id;
    for (const std::string& id : expected_) EXPECT_TRUE(once.contains(id)) << id;
  }
}

TEST_F(ListPagingTest, AKeyRevokedBetweenPagesIsNeitherSkippedNorRepeated) {
  auto next = expected_.begin();
  const Strings shown = AllPages("", 50, [&] {
    for (int i = 0; i < 20; ++i) Revoke(*next++);
  });
  EXPECT_EQ(shown.size(), expected_.size());
  EXPECT_EQ(std::set<std::string>(shown.begin(), shown.end()), expected_);
}

TEST_F(ListPagingTest, ATokenOutlivesARestart) {
  v1::ListKeysRequest request;
  request.set_page_size(7);
  const auto first = root().Call(request);
  ASSERT_THAT(first, IsOk());
  request.set_page_token(first->next_page_token());
  const auto second = root().Call(request);
  Restart();
  EXPECT_EQ(root().Call(request)->SerializeAsString(), second->SerializeAsString());
}

}  // namespace
}  // namespace claviger
