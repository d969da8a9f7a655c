// What stands in the audit log, and who may read it.

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "core/audit_chain.h"
#include "tests/integration/every_call.h"

namespace claviger {
namespace {

using ::testing::ElementsAre;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

using Events = std::vector<v1::AuditEvent>;

class AuditLogTest : public ServerTest {
 protected:
  // All that `caller` sees, oldest first, page by page.
  static Events Read(const TestCaller& caller, v1::ListAuditEventsRequest request = {}) {
    request.set_oldest_first(true);
    if (request.page_size() == 0) request.set_page_size(1000);
    Events events;
    while (true) {
      const auto page = caller.Call(request);
      EXPECT_THAT(page, IsOk());
      if (!page.ok()) return events;
      events.insert(events.end(), page->events().begin(), page->events().end());
      if (page->next_page_token().empty()) return events;
      request.set_page_token(page->next_page_token());
    }
  }
  // What was added since revision `after`.
  Events Behind(uint64_t after) {
    Events events = Read(root());
    std::erase_if(events, [&](const v1::AuditEvent& event) { return event.revision() <= after; });
    return events;
  }
  uint64_t Head() { return root().Call(v1::ListAuditEventsRequest())->head_revision(); }
  // The refused calls since revision `after`.
  Events RefusedBehind(uint64_t after) {
    // Whatever was queued before this change is in the log once it is.
    Issue();
    Events events = Behind(after);
    std::erase_if(events, [](const v1::AuditEvent& event) { return event.refusal().empty(); });
    return events;
  }
  // The one entry that `request` by `caller` leaves.
  template <typename Request>
  v1::AuditEvent EntryOf(const TestCaller& caller, const Request& request) {
    const uint64_t before = Head();
    EXPECT_THAT(caller.Call(request), IsOk());
    const Events events = Behind(before);
    EXPECT_THAT(events, SizeIs(1)) << request.GetDescriptor()->name();
    return events.empty() ? v1::AuditEvent() : events.front();
  }
  template <typename Request>
  static Request AboutKey(const std::string& key_id) {
    Request request;
    request.set_key_id(key_id);
    return request;
  }
};

TEST_F(AuditLogTest, ItBeginsWithTheFirstStart) {
  const Events events = Read(root());
  ASSERT_THAT(events, Not(IsEmpty()));
  EXPECT_EQ(events[0].revision(), 1u);
  EXPECT_EQ(events[0].actor(), "system");
  EXPECT_EQ(events[0].action(), "Bootstrap");
  EXPECT_EQ(events[0].project_id(), "claviger");
  EXPECT_THAT(events[0].key_id(), SizeIs(16));
  EXPECT_EQ(events[0].previous_hash(), std::string(32, '\0'));
  EXPECT_EQ(ToTime(events[0].time()), server_.clock().Now());
}

TEST_F(AuditLogTest, EveryChangeLeavesOneEntryThatSaysWhoFromWhereAndWhat) {
  const IssuedKey manager = IssueManagementKey({"settings.manage"});
  const TestCaller caller = server_.As(manager.key());
  const std::string actor = "key:" + manager.info().key_id();
  const auto expect = [&](const v1::AuditEvent& event, const std::string& action,
                          const std::string& project_id, const std::string& key_id) {
    EXPECT_EQ(event.actor(), actor) << action;
    EXPECT_EQ(event.peer(), "127.0.0.1") << action;
    EXPECT_EQ(event.action(), action);
    EXPECT_EQ(event.project_id(), project_id) << action;
    EXPECT_EQ(event.key_id(), key_id) << action;
    EXPECT_EQ(event.refusal(), "") << action;
  };
  v1::CreateProjectRequest create;
  create.mutable_project()->set_project_id("acme");
  expect(EntryOf(caller, create), "CreateProject", "acme", "");
  v1::UpdateProjectRequest update;
  update.mutable_project()->set_project_id("acme");
  update.mutable_project()->set_display_name("Acme");
  update.mutable_update_mask()->add_paths("display_name");
  expect(EntryOf(caller, update), "UpdateProject", "acme", "");

  const uint64_t before = Head();
  const auto issued = caller.Call(NewKey("acme", {"a"}));
  ASSERT_THAT(issued, IsOk());
  const std::string id = issued->info().key_id();
  const Events of_issue = Behind(before);
  ASSERT_THAT(of_issue, SizeIs(1));
  expect(of_issue[0], "IssueKey", "acme", id);
  EXPECT_EQ(of_issue[0].revision(), issued->info().revision());

  auto scopes = AboutKey<v1::UpdateScopesRequest>(id);
  scopes.add_add("b");
  expect(EntryOf(caller, scopes), "UpdateScopes", "acme", id);
  expect(EntryOf(caller, AboutKey<v1::DisableKeyRequest>(id)), "DisableKey", "acme", id);
  expect(EntryOf(caller, AboutKey<v1::EnableKeyRequest>(id)), "EnableKey", "acme", id);
  expect(EntryOf(caller, AboutKey<v1::RevokeKeyRequest>(id)), "RevokeKey", "acme", id);
  MakeProject("gone");
  v1::DeleteProjectRequest remove;
  remove.set_project_id("gone");
  expect(EntryOf(caller, remove), "DeleteProject", "gone", "");
}

TEST_F(AuditLogTest, WhatChangesNothingLeavesNoEntry) {
  MakeProject("aaa");
  const IssuedKey key = Issue("aaa", {"x"});
  const uint64_t before = Head();
  for (const AnyCall& call : EveryCallAbout(key.info().key_id(), "aaa", key.key())) {
    root().Send(*call.request);
    EXPECT_EQ(Head(), before) << call.name();
  }
}

TEST_F(AuditLogTest, EveryRefusedCallLeavesOneEntry) {
  MakeProject("aaa");
  const IssuedKey key = Issue("aaa", {"x"});
  const std::string id = key.info().key_id();
  const IssuedKey nobody = IssueManagementKey({});
  const TestCaller caller = server_.As(nobody.key());
  for (const AnyCall& call : EveryCallAbout(id, "aaa", key.key())) {
    const uint64_t before = Head();
    ASSERT_THAT(caller.Send(*call.request),
                IsError(StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"));
    const Events refused = RefusedBehind(before);
    const std::string method = call.name().substr(0, call.name().size() - 7);  // less "Request"
    if (call.permission == "keys.verify") {
      EXPECT_THAT(refused, IsEmpty()) << method;
      continue;
    }
    ASSERT_THAT(refused, SizeIs(1)) << method;
    EXPECT_EQ(refused[0].actor(), "key:" + nobody.info().key_id());
    EXPECT_EQ(refused[0].peer(), "127.0.0.1");
    EXPECT_EQ(refused[0].action(), method);
    EXPECT_EQ(refused[0].refusal(), "PERMISSION_DENIED");
    const auto* field = call.request->GetDescriptor()->FindFieldByName("key_id");
    if (field != nullptr) {
      EXPECT_EQ(refused[0].key_id(), id) << method;
      EXPECT_EQ(refused[0].project_id(), "aaa") << method << ": the project of that key";
    }
  }
}

TEST_F(AuditLogTest, ACallerWhoCannotBeToldIsUnknown) {
  const IssuedKey key = Issue();
  const uint64_t before = Head();
  const auto request = AboutKey<v1::RevokeKeyRequest>(key.info().key_id());
  EXPECT_THAT(server_.Anonymous().Call(request),
              IsError(StatusCode::UNAUTHENTICATED, "CREDENTIAL_MISSING"));
  EXPECT_THAT(server_.As("not a key").Call(request),
              IsError(StatusCode::UNAUTHENTICATED, "CREDENTIAL_INVALID"));
  const Events refused = RefusedBehind(before);
  ASSERT_THAT(refused, SizeIs(2));
  EXPECT_EQ(refused[0].refusal(), "CREDENTIAL_MISSING");
  EXPECT_EQ(refused[1].refusal(), "CREDENTIAL_INVALID");
  for (const v1::AuditEvent& event : refused) {
    EXPECT_EQ(event.actor(), "unknown");
    EXPECT_EQ(event.peer(), "127.0.0.1");
    EXPECT_EQ(event.action(), "RevokeKey");
    EXPECT_EQ(event.key_id(), key.info().key_id());
    EXPECT_EQ(event.project_id(), "default");
  }
}

TEST_F(AuditLogTest, WhoeverWantsMoreThanTheyHaveIsRecorded) {
  const IssuedKey issuer = IssueManagementKey({"keys.issue"});
  const uint64_t before = Head();
  EXPECT_THAT(server_.As(issuer.key()).Call(NewKey("claviger", {"settings.manage"})),
              IsError(StatusCode::PERMISSION_DENIED, "PRIVILEGE_ESCALATION"));
  const Events refused = RefusedBehind(before);
  ASSERT_THAT(refused, SizeIs(1));
  EXPECT_EQ(refused[0].refusal(), "PRIVILEGE_ESCALATION");
  EXPECT_EQ(refused[0].actor(), "key:" + issuer.info().key_id());
  EXPECT_EQ(refused[0].action(), "IssueKey");
  EXPECT_EQ(refused[0].project_id(), "claviger");
}

TEST_F(AuditLogTest, OfAStrangersTextOnlyIdsAreTakenOver) {
  const TestCaller anonymous = server_.Anonymous();
  const uint64_t before = Head();
  anonymous.Call(AboutKey<v1::GetKeyRequest>("../../etc/passwd\n"));
  anonymous.Call(AboutKey<v1::GetKeyRequest>(Issue().key()));
  anonymous.Call(NewKey("<script>"));
  anonymous.CallBytes("/claviger.v1.KeyAuthority/GetKey", "\xff\xff garbage");
  anonymous.Call(AboutKey<v1::GetKeyRequest>("0000000000000000"));
  const Events refused = RefusedBehind(before);
  ASSERT_THAT(refused, SizeIs(5));
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(refused[i].key_id(), "") << i;
    EXPECT_EQ(refused[i].project_id(), "") << i;
    EXPECT_EQ(refused[i].detail(), "") << i;
  }
  EXPECT_EQ(refused[4].key_id(), "0000000000000000") << "an id, whether there is such a key or not";
}

TEST_F(AuditLogTest, AFloodOfRefusedCallsIsCountedAndNotWrittenDown) {
  constexpr int kCalls = 130;
  const uint64_t before = Head();
  for (int i = 0; i < kCalls; ++i) server_.Anonymous().Call(v1::ListKeysRequest());
  EXPECT_THAT(RefusedBehind(before), SizeIs(100));
  EXPECT_THAT(server_.HttpGet("/metrics"), HasSubstr("claviger_audit_refusals_left_out_total 30\n"));
  EXPECT_THAT(server_.HttpGet("/metrics"),
              HasSubstr("claviger_audit_entries_total{outcome=\"refusal\"} 100\n"));
  Restart();
  const Events refused = RefusedBehind(before);
  ASSERT_THAT(refused, SizeIs(101));
  EXPECT_EQ(refused.back().action(), "RefusedCalls");
  EXPECT_EQ(refused.back().actor(), "system");
  EXPECT_THAT(refused.back().detail(), HasSubstr("30 refused calls"));
}

TEST_F(AuditLogTest, ARefusedCallIsLogged) {
  const IssuedKey nobody = IssueManagementKey({});
  const uint64_t before = Head();
  server_.As(nobody.key()).Call(v1::ListKeysRequest());
  ASSERT_THAT(RefusedBehind(before), SizeIs(1));
  const std::vector<std::string> lines = server_.LogLines();
  EXPECT_TRUE(std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
    return absl::StrContains(line, "call refused") &&
           absl::StrContains(line, nobody.info().key_id()) &&
           absl::StrContains(line, "PERMISSION_DENIED");
  }));
}

TEST_F(AuditLogTest, NoSecretStandsInIt) {
  const IssuedKey key = Issue("default", {"x"});
  server_.As(key.key()).Call(v1::ListKeysRequest());
  v1::GetKeyRequest get;
  get.set_key_id(key.key());
  server_.As(key.key()).Call(get);
  Revoke(key.info().key_id());
  for (const v1::AuditEvent& event : Read(root())) {
    EXPECT_THAT(event.SerializeAsString(), Not(HasSubstr(key.key())));
  }
}

TEST_F(AuditLogTest, TheChainCanBeCheckedFromTheAnswers) {
  MakeProject("aaa");
  Issue("aaa");
  server_.Anonymous().Call(v1::ListKeysRequest());
  Issue("aaa");
  const auto head = root().Call(v1::ListAuditEventsRequest());
  AuditHead end{.revision = {head->head_revision()}, .hash = {}};
  std::copy(head->head_hash().begin(), head->head_hash().end(), end.hash.begin());
  AuditChain chain;
  for (const v1::AuditEvent& event : Read(root())) {
    AuditEntry entry{.revision = {event.revision()},
                     .time = ToTime(event.time()),
                     .draft = {.actor = event.actor(),
                               .peer = event.peer(),
                               .action = event.action(),
                               .project_id = event.project_id(),
                               .key_id = event.key_id(),
                               .detail = event.detail(),
                               .refusal = event.refusal()},
                     .previous_hash = {}};
    Sha256Bytes hash{};
    ASSERT_EQ(event.hash().size(), hash.size());
    ASSERT_EQ(event.previous_hash().size(), hash.size());
    std::copy(event.hash().begin(), event.hash().end(), hash.begin());
    std::copy(event.previous_hash().begin(), event.previous_hash().end(),
              entry.previous_hash.begin());
    chain.Add(entry, hash);
  }
  const auto fault = chain.FaultAgainst(end);
  EXPECT_FALSE(fault.has_value()) << fault->what;
}

TEST_F(AuditLogTest, PagesShowEachEntryOnceInBothOrders) {
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
      EXPECT_EQ(newest_first[i].SerializeAsString(),
                all[all.size() - 1 - i].SerializeAsString());
    }
    v1::ListAuditEventsRequest oldest;
    oldest.set_page_size(page_size);
    EXPECT_EQ(Read(root(), oldest).size(), all.size());
  }
}

TEST_F(AuditLogTest, APageTokenIsForItsArguments) {
  for (int i = 0; i < 3; ++i) Issue();
  v1::ListAuditEventsRequest request;
  request.set_page_size(1);
  const std::string token = root().Call(request)->next_page_token();
  ASSERT_FALSE(token.empty());
  const auto invalid = [] {
    return IsError(StatusCode::INVALID_ARGUMENT, "PAGE_TOKEN_INVALID");
  };
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

TEST_F(AuditLogTest, FiltersAreJoined) {
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

TEST_F(AuditLogTest, ABoundCallerSeesItsProjectsOnlyAndNoHashes) {
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

TEST_F(AuditLogTest, BadFieldsAreNamed) {
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
