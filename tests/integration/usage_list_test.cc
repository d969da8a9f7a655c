// Lists of keys by when they were used.
#include "tests/integration/usage_test.h"

namespace claviger {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class UsageListTest : public UsageTest {
 protected:
  void SetUp() override {
    MakeProject("web");
    old_ = Named("old");
    idle_ = Named("idle");
    busy_ = Named("busy");
    start_ = server_.clock().Now();
    server_.clock().SetNow(start_ + absl::Hours(1));
    Verify(CheckOf(old_.key()));
    server_.clock().SetNow(start_ + absl::Hours(30));
    Verify(CheckFrom(busy_.key(), "192.0.2.1"));
    Verify(CheckOf(busy_.key(), {"no:such"}));
    server_.clock().SetNow(start_ + absl::Hours(40));
    Named("new");
    Flush();
    request_.add_project_ids("web");
    request_.set_order_by("name");
  }

  IssuedKey Named(const std::string& name) {
    v1::IssueKeyRequest request = NewKey("web");
    request.set_display_name(name);
    return Issue(request);
  }
  Strings Names(const v1::ListKeysRequest& request) {
    const auto page = root().Call(request);
    EXPECT_THAT(page, IsOk());
    Strings names;
    for (const v1::Key& key : page->keys()) names.push_back(key.display_name());
    return names;
  }
  absl::Time At(int hours) const { return start_ + absl::Hours(hours); }

  absl::Time start_;
  IssuedKey old_;
  IssuedKey idle_;
  IssuedKey busy_;
  v1::ListKeysRequest request_;
};

TEST_F(UsageListTest, KeysLastUsedBefore) {
  SetTime(At(30), request_.mutable_last_used_before());
  EXPECT_THAT(Names(request_), ElementsAre("old"));
  SetTime(At(31), request_.mutable_last_used_before());
  EXPECT_THAT(Names(request_), ElementsAre("busy", "old"));
}

TEST_F(UsageListTest, KeysLastUsedAfter) {
  SetTime(At(30), request_.mutable_last_used_after());
  EXPECT_THAT(Names(request_), ElementsAre("busy"));
  SetTime(At(31), request_.mutable_last_used_after());
  EXPECT_THAT(Names(request_), IsEmpty());
}

TEST_F(UsageListTest, KeysUnusedSinceAreOlderAndWereNotUsedSince) {
  SetTime(At(30), request_.mutable_unused_since());
  EXPECT_THAT(Names(request_), ElementsAre("idle", "old"));
  SetTime(At(1), request_.mutable_unused_since());
  EXPECT_THAT(Names(request_), ElementsAre("idle"));
  SetTime(At(50), request_.mutable_unused_since());
  EXPECT_THAT(Names(request_), ElementsAre("busy", "idle", "new", "old"));
  request_.set_include_total_size(true);
  SetTime(At(30), request_.mutable_unused_since());
  EXPECT_EQ(root().Call(request_)->total_size(), 2);
}

TEST_F(UsageListTest, InTheOrderOfUseKeysThatWereNotUsedAreTheOldest) {
  request_.set_order_by("last_used_time");
  EXPECT_THAT(Names(request_), ElementsAre("new", "idle", "old", "busy"));
  request_.set_order_by("last_used_time desc");
  EXPECT_THAT(Names(request_), ElementsAre("busy", "old", "new", "idle"));
}

TEST_F(UsageListTest, TheOrderOfUseGoesOnOverPages) {
  request_.set_order_by("last_used_time desc");
  request_.set_page_size(1);
  Strings names;
  for (;;) {
    const auto page = root().Call(request_);
    ASSERT_THAT(page, IsOk());
    for (const v1::Key& key : page->keys()) names.push_back(key.display_name());
    if (page->next_page_token().empty()) break;
    request_.set_page_token(page->next_page_token());
  }
  EXPECT_THAT(names, ElementsAre("busy", "old", "new", "idle"));
}

TEST_F(UsageListTest, ListsTellTheLastUseAlwaysAndCountsWhenAsked) {
  request_.set_name_contains("busy");
  auto page = root().Call(request_);
  ASSERT_THAT(page, IsOk());
  EXPECT_EQ(ToTime(page->keys(0).last_used_time()), At(30));
  EXPECT_EQ(page->keys(0).last_used_address(), "192.0.2.1");
  EXPECT_THAT(page->keys(0).last_used_by(), HasSubstr("key:"));
  EXPECT_EQ(page->keys(0).recent_valid_count(), 0);
  request_.set_include_usage(true);
  page = root().Call(request_);
  ASSERT_THAT(page, IsOk());
  EXPECT_EQ(page->keys(0).recent_valid_count(), 1);
  EXPECT_EQ(page->keys(0).recent_denied_count(), 1);
  server_.clock().SetNow(At(30 + 25));
  page = root().Call(request_);
  EXPECT_EQ(page->keys(0).recent_valid_count(), 0);
}

TEST_F(UsageListTest, BadTimesAreNamed) {
  request_.mutable_unused_since()->set_nanos(-1);
  request_.mutable_last_used_after()->set_nanos(-1);
  request_.mutable_last_used_before()->set_nanos(-1);
  const auto refused = root().Call(request_);
  EXPECT_THAT(refused, IsError(StatusCode::INVALID_ARGUMENT, "FIELD_INVALID"));
  for (const char* field : {"unused_since", "last_used_after", "last_used_before"}) {
    EXPECT_THAT(refused.status.error_message(), HasSubstr(field));
  }
}

}  // namespace
}  // namespace claviger
