// Who may read what of the audit log, and how.

#include <optional>
#include <string>

#include "core/audit_chain.h"
#include "server/rpc/audit_convert.h"
#include "tests/integration/audit_testing.h"

namespace claviger {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class AuditReadTest : public AuditLogTest {};

TEST_F(AuditReadTest, TheChainCanBeCheckedFromTheAnswers) {
  MakeProject("aaa");
  Issue("aaa");
  server_.Anonymous().Call(v1::ListKeysRequest());
  Issue("aaa");
  const auto head = root().Call(v1::ListAuditEventsRequest());
  AuditHead end{.revision = {head->head_revision()}, .hash = {}};
  ASSERT_TRUE(FromBytes(head->head_hash(), end.hash));
  AuditChain chain;
  for (const v1::AuditEvent& event : Read(root())) {
    const std::optional<HashedAuditEntry> read = FromAuditEvent(event);
    ASSERT_TRUE(read.has_value()) << event.ShortDebugString();
    chain.Add(read->entry, read->hash);
  }
  const auto fault = chain.FaultAgainst(end);
  EXPECT_FALSE(fault.has_value()) << fault->what;
}

TEST_F(AuditReadTest, PagesShowEachEntryOnceInBothOrders) {
  for (int i = 0; i < 7; ++i) Issue();
  const Events all = Read(root());
  for (const int page_size : {1, 3, 1000}) {
    v1::ListAuditEventsRequest request;
    request.set_page_size(page_size);
    Events newest_first;
    do {
      const auto page = root().Call(request);
      ASSERT_THAT(page, IsOk());
      EXPECT_LE(page->events_size(), page_size);
      newest_first.insert(newest_first.end(), page->events().begin(), page->events().end());
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    ASSERT_EQ(newest_first.size(), all.size());
    for (size_t i = 0; i < all.size(); ++i) {
      EXPECT_EQ(newest_first[i].SerializeAsString(), all[all.size() - 1 - i].SerializeAsString());
    }
    v1::ListAuditEventsRequest oldest;
    oldest.set_page_size(page_size);
    EXPECT_EQ(Read(root(), oldest).size(), all.size());
  }
}

TEST_F(AuditReadTest, APageTokenIsForItsArguments) {
  for (int i = 0; i < 3; ++i) Issue();
  v1::ListAuditEventsRequest request;
  request.set_page_size(1);
  const std::string token = root().Call(request)->next_page_token();
  ASSERT_FALSE(token.empty());
  const auto invalid = [] { return IsError(StatusCode::INVALID_ARGUMENT, "PAGE_TOKEN_INVALID"); };
  request.set_page_token(token);
  request.set_page_size(2);
  EXPECT_THAT(root().Call(request), IsOk()) << "another size is allowed";
  request.set_oldest_first(true);
  EXPECT_THAT(root().Call(request), invalid());
  request.set_oldest_first(false);
  request.mutable_filter()->set_refused_only(true);
  EXPECT_THAT(root().Call(request), invalid());
  request.clear_filter();
  request.set_page_token(token + "x");
  EXPECT_THAT(root().Call(request), invalid());
}

TEST_F(AuditReadTest, FiltersAreJoined) {
  MakeProject("aaa");
  MakeProject("bbb");
  const std::string a = Issue("aaa").info().key_id();
  server_.clock().Advance(absl::Hours(1));
  const std::string b = Issue("bbb").info().key_id();
  Revoke(a);
  const auto count = [&](const v1::ListAuditEventsRequest& request) {
    return Read(root(), request).size();
  };
  v1::ListAuditEventsRequest request;
  v1::AuditFilter& filter = *request.mutable_filter();
  filter.add_project_ids("aaa");
  EXPECT_EQ(count(request), 3u) << "made, issued in, revoked in";
  filter.add_project_ids("bbb");
  EXPECT_EQ(count(request), 5u);
  filter.add_actions("IssueKey");
  EXPECT_EQ(count(request), 2u);
  filter.add_actions("RevokeKey");
  EXPECT_EQ(count(request), 3u);
  filter.set_key_id(a);
  EXPECT_EQ(count(request), 2u);
  SetTime(server_.clock().Now(), filter.mutable_start_time());
  EXPECT_EQ(count(request), 1u) << "a time of the same moment counts";
  filter.clear_start_time();
  SetTime(server_.clock().Now(), filter.mutable_end_time());
  EXPECT_EQ(count(request), 1u) << "an end of the same moment does not";
  filter.set_actor("system");
  EXPECT_EQ(count(request), 0u);
  filter.Clear();
  filter.set_actor("system");
  EXPECT_GE(count(request), 1u);
  filter.set_refused_only(true);
  EXPECT_EQ(count(request), 0u);
}

TEST_F(AuditReadTest, ABoundCallerSeesItsProjectsOnlyAndNoHashes) {
  MakeProject("aaa");
  MakeProject("bbb");
  const IssuedKey in_a = Issue("aaa");
  const IssuedKey in_b = Issue("bbb");
  server_.Anonymous().Call(AboutKey<v1::GetKeyRequest>(in_a.info().key_id()));
  server_.Anonymous().Call(AboutKey<v1::GetKeyRequest>(in_b.info().key_id()));
  const TestCaller bound = Manager({"audit.read"}, {"aaa"});
  const Events seen = Read(bound);
  EXPECT_THAT(seen, SizeIs(3)) << "made, issued in, refused";
  for (const v1::AuditEvent& event : seen) {
    EXPECT_EQ(event.project_id(), "aaa");
    EXPECT_EQ(event.hash() + event.previous_hash(), "");
  }
  const auto page = bound.Call(v1::ListAuditEventsRequest());
  EXPECT_EQ(page->head_revision(), 0u);
  EXPECT_EQ(page->head_hash(), "");
  v1::ListAuditEventsRequest foreign;
  foreign.mutable_filter()->add_project_ids("bbb");
  v1::ListAuditEventsRequest nothing;
  nothing.mutable_filter()->add_project_ids("zzz");
  EXPECT_EQ(bound.Call(foreign)->SerializeAsString(), bound.Call(nothing)->SerializeAsString());
  EXPECT_THAT(Read(bound, foreign), IsEmpty());
  foreign.mutable_filter()->set_key_id(in_b.info().key_id());
  foreign.mutable_filter()->clear_project_ids();
  EXPECT_THAT(Read(bound, foreign), IsEmpty());
}

TEST_F(AuditReadTest, BadFieldsAreNamed) {
  const auto expect_bad = [&](const v1::ListAuditEventsRequest& request, const char* field) {
    const auto answer = root().Call(request);
    EXPECT_EQ(answer.status.error_code(), StatusCode::INVALID_ARGUMENT) << field;
    EXPECT_THAT(answer.status.error_message(), HasSubstr(field));
  };
  v1::ListAuditEventsRequest request;
  request.set_page_size(-1);
  expect_bad(request, "page_size");
  request.Clear();
  request.mutable_filter()->set_key_id("nope");
  expect_bad(request, "filter.key_id");
  request.Clear();
  request.mutable_filter()->add_project_ids("Not An Id");
  expect_bad(request, "filter.project_ids[0]");
  request.Clear();
  for (int i = 0; i < 65; ++i) {
    request.mutable_filter()->add_project_ids("p" + std::to_string(100 + i));
  }
  expect_bad(request, "filter.project_ids");
  request.Clear();
  request.mutable_filter()->set_actor(std::string(513, 'x'));
  expect_bad(request, "filter.actor");
  request.Clear();
  request.mutable_filter()->add_actions("Revoke Key");
  expect_bad(request, "filter.actions[0]");
  request.Clear();
  for (int i = 0; i < 65; ++i) request.mutable_filter()->add_actions("IssueKey");
  expect_bad(request, "filter.actions");
  request.Clear();
  request.mutable_filter()->mutable_start_time()->set_nanos(-1);
  expect_bad(request, "filter.start_time");
  request.Clear();
  request.mutable_filter()->mutable_start_time()->set_seconds(2);
  request.mutable_filter()->mutable_end_time()->set_seconds(2);
  expect_bad(request, "filter.end_time");
}

}  // namespace
}  // namespace claviger
