// What stands in the audit log.

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "tests/integration/audit_testing.h"
#include "tests/integration/every_call.h"

namespace claviger {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

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
    const auto& message = *call.request;
    if (field != nullptr && !message.GetReflection()->GetString(message, field).empty()) {
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

TEST_F(AuditLogTest, WhoeverAsksForWhatIsNotThereForThemIsRecorded) {
  MakeProject("mine");
  MakeProject("theirs");
  const IssuedKey foreign = Issue("theirs");
  const IssuedKey bound = IssueManagementKey({"keys.revoke", "projects.manage"}, {"mine"});
  const uint64_t before = Head();
  v1::RevokeKeyRequest revoke;
  revoke.set_key_id(foreign.info().key_id());
  EXPECT_THAT(server_.As(bound.key()).Call(revoke),
              IsError(StatusCode::NOT_FOUND, "KEY_NOT_FOUND"));
  v1::DeleteProjectRequest remove;
  remove.set_project_id("theirs");
  EXPECT_THAT(server_.As(bound.key()).Call(remove),
              IsError(StatusCode::NOT_FOUND, "PROJECT_NOT_FOUND"));
  revoke.set_key_id("0000000000000000");
  EXPECT_THAT(root().Call(revoke), IsError(StatusCode::NOT_FOUND, "KEY_NOT_FOUND"));
  const Events refused = RefusedBehind(before);
  ASSERT_THAT(refused, SizeIs(2)) << "for a caller in all projects it is only not there";
  EXPECT_EQ(refused[0].refusal(), "KEY_NOT_FOUND");
  EXPECT_EQ(refused[0].actor(), "key:" + bound.info().key_id());
  EXPECT_EQ(refused[0].action(), "RevokeKey");
  EXPECT_EQ(refused[0].key_id(), foreign.info().key_id());
  EXPECT_EQ(refused[0].project_id(), "theirs");
  EXPECT_EQ(refused[1].refusal(), "PROJECT_NOT_FOUND");
  EXPECT_EQ(refused[1].action(), "DeleteProject");
  EXPECT_EQ(refused[1].project_id(), "theirs");
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
  EXPECT_THAT(server_.HttpGet("/metrics"),
              HasSubstr("claviger_audit_refusals_left_out_total 30\n"));
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

TEST_F(AuditLogTest, ThatAnOlderStateWasAcceptedStandsInIt) {
  const uint64_t before = Head();
  server_.config().store.accept_older_state = true;
  Restart();
  const Events events = Behind(before);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].actor(), "system");
  EXPECT_EQ(events[0].action(), "AcceptOlderState");
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

}  // namespace
}  // namespace claviger
