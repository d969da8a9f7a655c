#include "server/manage/audit_list.h"

#include <memory>
#include <string>
#include <vector>

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
using ::testing::IsEmpty;
using ::testing::SizeIs;

class AuditListTest : public ::testing::Test {
 protected:
  static Caller Reader(const std::vector<std::string>& projects = {},
                       const std::string& permission = "audit.read") {
    auto identity = std::make_shared<CertificateIdentity>();
    identity->san = "dns:reader";
    identity->permissions = ScopeSet::FromTrusted({permission});
    identity->project_ids = projects;
    return Caller::FromCertificate(std::move(identity), "");
  }
  void Add(const std::string& project_id, int entries = 1) {
    for (int i = 0; i < entries; ++i) {
      ChangeSet changes;
      changes.only_audit = true;
      changes.audit.actor = "system";
      changes.audit.project_id = project_id;
      pending_.emplace_back(*store_, Giving(changes));
      if (pending_.size() > 1000) Settle();
    }
    Settle();
  }
  void Settle() {
    for (const PendingCommit& commit : pending_) ASSERT_TRUE(commit.Wait().ok());
    pending_.clear();
  }
  std::vector<uint64_t> Revisions(const AuditPage& page) {
    std::vector<uint64_t> revisions;
    for (const AuditEntry& entry : page.entries) revisions.push_back(entry.revision.value);
    return revisions;
  }

  FakeClock clock_;
  FakeRandom random_;
  std::unique_ptr<MemoryStore> store_ =
      MemoryStore::Create({.clock = &clock_, .random = &random_}).value();
  std::vector<PendingCommit> pending_;
};

TEST_F(AuditListTest, NeedsThePermission) {
  EXPECT_EQ(ListAudit(*store_, Reader({}, "keys.read"), {}).status().code(),
            absl::StatusCode::kPermissionDenied);
}

TEST_F(AuditListTest, AnEmptyLogIsOneEmptyPage) {
  const auto page = ListAudit(*store_, Reader(), {});
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_THAT(page->entries, IsEmpty());
  EXPECT_EQ(page->next_page_token, "");
}

TEST_F(AuditListTest, OneCallLooksAtSoManyEntriesOnly) {
  Add("a");
  Add("b", static_cast<int>(kMaxAuditScan) + 10);
  AuditListParams params;
  params.filter.project_ids = {"a"};
  auto page = ListAudit(*store_, Reader(), params);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_THAT(page->entries, IsEmpty()) << "a short page";
  ASSERT_FALSE(page->next_page_token.empty()) << "that is not the last";
  params.page_token = page->next_page_token;
  page = ListAudit(*store_, Reader(), params);
  EXPECT_THAT(Revisions(*page), ElementsAre(1));
  EXPECT_EQ(page->next_page_token, "");
}

TEST_F(AuditListTest, AFullPageAtTheEndMayBeFollowedByAnEmptyOne) {
  Add("a", 4);
  AuditListParams params;
  params.page_size = 2;
  auto page = ListAudit(*store_, Reader(), params);
  EXPECT_THAT(Revisions(*page), ElementsAre(4, 3));
  params.page_token = page->next_page_token;
  page = ListAudit(*store_, Reader(), params);
  EXPECT_THAT(Revisions(*page), ElementsAre(2, 1));
}

TEST_F(AuditListTest, WhatIsAddedMeanwhileDisturbsNoPage) {
  Add("a", 4);
  AuditListParams newest{.page_size = 2};
  AuditListParams oldest{.oldest_first = true, .page_size = 2};
  newest.page_token = ListAudit(*store_, Reader(), newest)->next_page_token;
  oldest.page_token = ListAudit(*store_, Reader(), oldest)->next_page_token;
  Add("a", 1);
  EXPECT_THAT(Revisions(*ListAudit(*store_, Reader(), newest)), ElementsAre(2, 1));
  EXPECT_THAT(Revisions(*ListAudit(*store_, Reader(), oldest)), ElementsAre(3, 4));
}

TEST_F(AuditListTest, ABindingIsAFilterThatCannotBeWidened) {
  Add("a");
  Add("b");
  Add("");
  const auto seen = [&](std::vector<std::string> wanted) {
    AuditListParams params;
    params.filter.project_ids = std::move(wanted);
    const auto page = ListAudit(*store_, Reader({"a", "c"}), params);
    EXPECT_FALSE(page->head.has_value());
    EXPECT_FALSE(page->shows_hashes);
    return Revisions(*page);
  };
  EXPECT_THAT(seen({}), ElementsAre(1)) << "what is about no project is not shown either";
  EXPECT_THAT(seen({"a", "b"}), ElementsAre(1));
  EXPECT_THAT(seen({"b"}), IsEmpty());
  const auto all = ListAudit(*store_, Reader(), {});
  EXPECT_THAT(all->entries, SizeIs(3));
  EXPECT_TRUE(all->shows_hashes);
  EXPECT_EQ(all->head, store_->ReadAuditHead().value());
}

TEST_F(AuditListTest, ATokenOfOtherArgumentsIsRefused) {
  Add("a", 3);
  AuditListParams params{.page_size = 1};
  params.page_token = ListAudit(*store_, Reader(), params)->next_page_token;
  params.arguments_hash[0] ^= 1;
  EXPECT_EQ(DetailsOf(ListAudit(*store_, Reader(), params).status()).reason,
            Reason::kPageTokenInvalid);
}

}  // namespace
}  // namespace claviger
