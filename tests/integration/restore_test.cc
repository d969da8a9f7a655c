// What a server has and does after its store was restored from a backup.
#include <algorithm>
#include <map>
#include <memory>
#include <regex>
#include <string>
#include <vector>

#include "tests/integration/restore_testing.h"
#include "tests/support/test_verifier.h"

namespace claviger {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr absl::Duration kUnknownLeases = absl::Seconds(121);

// The revisions of the changes that a report lists between two of its texts.
std::vector<int> RevisionsIn(const std::string& report, const std::string& from,
                             const std::string& to) {
  const size_t begin = report.find(from);
  const std::string part = report.substr(begin, report.find(to) - begin);
  static const std::regex kRevision(R"(\(revision (\d+),)");
  std::vector<int> revisions;
  for (std::sregex_iterator it(part.begin(), part.end(), kRevision), end; it != end; ++it) {
    revisions.push_back(std::stoi((*it)[1]));
  }
  return revisions;
}

class RestoreTest : public WithRestore<ServerTest> {
 protected:
  // All keys and projects, by id, as text; without what is counted beside the history.
  std::map<std::string, std::string> State() {
    std::map<std::string, std::string> state;
    v1::ListKeysRequest keys;
    keys.set_page_size(1000);
    for (int i = v1::KEY_STATE_ACTIVE; i <= v1::KEY_STATE_DELETED; ++i) {
      keys.add_states(static_cast<v1::KeyState>(i));
    }
    const auto found = root().Call(keys);
    EXPECT_THAT(found, IsOk());
    for (v1::Key key : found->keys()) {
      key.clear_last_used_time();
      key.clear_last_used_address();
      key.clear_last_used_by();
      state[key.key_id()] = key.DebugString();
    }
    const auto projects = root().Call(v1::ListProjectsRequest());
    EXPECT_THAT(projects, IsOk());
    for (const v1::Project& project : projects->projects()) {
      state[project.project_id()] = project.DebugString();
    }
    return state;
  }
  std::string Epoch() { return Verify(CheckOf("x")).epoch(); }

  v1::DeleteKeyResponse Delete(const std::string& key_id) {
    v1::DeleteKeyRequest request;
    request.set_key_id(key_id);
    const auto answer = root().Call(request);
    EXPECT_THAT(answer, IsOk());
    return *answer;
  }
  void Rescope(const std::string& key_id, const Strings& add, const Strings& remove) {
    v1::UpdateScopesRequest request;
    request.set_key_id(key_id);
    for (const std::string& scope : add) request.add_add(scope);
    for (const std::string& scope : remove) request.add_remove(scope);
    EXPECT_THAT(root().Call(request), IsOk());
  }
  void Update(const v1::Key& key, const std::string& path) {
    v1::UpdateKeyRequest request;
    *request.mutable_key() = key;
    request.mutable_update_mask()->add_paths(path);
    EXPECT_THAT(root().Call(request), IsOk());
  }
  void SetAddresses(const std::string& key_id, const Strings& blocks) {
    v1::Key key;
    key.set_key_id(key_id);
    for (const std::string& block : blocks) key.add_allowed_cidrs(block);
    Update(key, "allowed_cidrs");
  }
  void SetEnd(const std::string& key_id, absl::Time end) {
    v1::Key key;
    key.set_key_id(key_id);
    SetTime(end, key.mutable_expire_time());
    Update(key, "expire_time");
  }
  v1::RotateKeyResponse Rotate(const std::string& key_id, absl::Duration grace) {
    v1::RotateKeyRequest request;
    request.set_key_id(key_id);
    SetDuration(grace, request.mutable_grace_period());
    const auto answer = root().Call(request);
    EXPECT_THAT(answer, IsOk());
    return *answer;
  }
  Strings ScopesOf(const std::string& key_id) { return ToStrings(Get(key_id).scopes()); }
  Strings AddressesOf(const std::string& key_id) { return ToStrings(Get(key_id).allowed_cidrs()); }
  absl::Time Now() { return server_.clock().Now(); }
};

TEST_F(RestoreTest, TheStateIsThatOfTheBackupUnderAnotherEpoch) {
  MakeProject("web");
  const IssuedKey active = Issue("web", {"a:b"});
  const IssuedKey revoked = Issue("web");
  const IssuedKey disabled = Issue();
  const IssuedKey deleted = Issue();
  Revoke(revoked.info().key_id());
  Disable(disabled.info().key_id());
  Delete(deleted.info().key_id());
  const std::string backup = BackUp();
  const auto before = State();
  const std::string epoch = Epoch();
  const uint64_t head = LastChange();

  const IssuedKey later = Issue();
  Revoke(active.info().key_id());
  MakeProject("later");
  ASSERT_NE(State(), before);

  LoseTheStore();
  const auto report = RestoreOlderState(backup);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(*report, AllOf(HasSubstr("no audit export was given"), HasSubstr("again what they"),
                             HasSubstr("2 enabled, 1 disabled, 1 revoked, 1 deleted")));
  StartAgain();
  EXPECT_EQ(State(), before);
  EXPECT_NE(Epoch(), epoch);
  EXPECT_EQ(CodeOf(active.key()), v1::VERIFY_CODE_VALID);
  EXPECT_EQ(CodeOf(revoked.key()), v1::VERIFY_CODE_REVOKED);
  EXPECT_EQ(CodeOf(disabled.key()), v1::VERIFY_CODE_DISABLED);
  EXPECT_EQ(CodeOf(later.key()), v1::VERIFY_CODE_NOT_FOUND);
  // The log goes on behind the backup, and says what happened.
  v1::ListAuditEventsRequest log;
  log.mutable_filter()->add_actions("RestoreBackup");
  const auto entries = root().Call(log);
  ASSERT_EQ(entries->events_size(), 1);
  EXPECT_GT(entries->events(0).revision(), head - 1);
  EXPECT_THAT(entries->events(0).detail(), HasSubstr("no audit export"));
  // Once more, elsewhere: another history.
  const std::string restored = Epoch();
  LoseTheStore();
  ASSERT_TRUE(RestoreOlderState(backup).ok());
  StartAgain();
  EXPECT_NE(Epoch(), restored);
}

TEST_F(RestoreTest, WhatWasTakenAwayBehindTheBackupIsTakenAwayAgain) {
  for (const std::string id : {"web", "shop"}) MakeProject(id);
  const IssuedKey revoked = Issue("web");
  const IssuedKey deleted = Issue("web");
  const IssuedKey disabled = Issue("web");
  const IssuedKey enabled = Issue("web");
  const IssuedKey narrowed = Issue("web", {"a:b", "c:d"});
  const IssuedKey wild = Issue("web", {"a:*"});
  const IssuedKey ended = Issue("web");
  const IssuedKey limited = Issue("web");
  const IssuedKey crossed = Issue("web");
  const IssuedKey rotated = Issue("web");
  const IssuedKey graced = Issue("web");
  const IssuedKey among_many = Issue("web");
  const IssuedKey shop = Issue("shop");
  const IssuedKey untouched = Issue("web");
  SetAddresses(crossed.info().key_id(), {"10.0.0.0/8", "192.0.2.0/24"});
  Disable(enabled.info().key_id());
  const std::string backup = BackUp();

  server_.clock().Advance(absl::Hours(1));
  const absl::Time revoke_time = Now();
  Revoke(revoked.info().key_id());
  Delete(deleted.info().key_id());
  Disable(disabled.info().key_id());
  v1::EnableKeyRequest enable;
  enable.set_key_id(enabled.info().key_id());
  EXPECT_THAT(root().Call(enable), IsOk());
  Rescope(narrowed.info().key_id(), {"e:f"}, {"c:d"});
  Rescope(wild.info().key_id(), {"a:b", "x:y"}, {"a:*"});
  SetEnd(ended.info().key_id(), Now() + absl::Hours(5));
  SetAddresses(limited.info().key_id(), {"10.1.0.0/16"});
  SetAddresses(crossed.info().key_id(), {"10.2.0.0/16", "198.51.100.0/24"});
  const auto successor = Rotate(rotated.info().key_id(), absl::ZeroDuration());
  Rotate(graced.info().key_id(), absl::Hours(2));
  v1::RevokeKeysRequest many;
  many.add_key_ids(among_many.info().key_id());
  EXPECT_THAT(root().Call(many), IsOk());
  const IssuedKey lost = Issue("web");
  const IssuedKey lost_and_revoked = Issue("web");
  Revoke(lost_and_revoked.info().key_id());
  MakeProject("later");
  v1::DeleteProjectRequest remove;
  remove.set_project_id("shop");
  remove.set_revoke_keys(true);
  EXPECT_THAT(root().Call(remove), IsOk());
  const absl::Time grace_end = Now() + absl::Hours(2);
  const std::string log = Export();

  LoseTheStore();
  server_.clock().Advance(absl::Minutes(30));
  const auto report = Restore({.file = backup, .audit_export = log});
  ASSERT_TRUE(report.ok()) << report.status();
  StartAgain();

  EXPECT_EQ(CodeOf(revoked.key()), v1::VERIFY_CODE_REVOKED);
  EXPECT_EQ(ToTime(Get(revoked.info().key_id()).revoke_time()), revoke_time);
  EXPECT_EQ(CodeOf(deleted.key()), v1::VERIFY_CODE_REVOKED);
  EXPECT_EQ(Get(deleted.info().key_id()).state(), v1::KEY_STATE_DELETED);
  EXPECT_EQ(ToTime(Get(deleted.info().key_id()).delete_time()), revoke_time);
  EXPECT_EQ(CodeOf(disabled.key()), v1::VERIFY_CODE_DISABLED);
  EXPECT_EQ(CodeOf(enabled.key()), v1::VERIFY_CODE_DISABLED) << "nothing is given";
  EXPECT_EQ(ScopesOf(narrowed.info().key_id()), (Strings{"a:b"}));
  EXPECT_EQ(ScopesOf(wild.info().key_id()), (Strings{"a:b"})) << "it covered that before";
  EXPECT_EQ(ToTime(Get(ended.info().key_id()).expire_time()), revoke_time + absl::Hours(5));
  EXPECT_EQ(AddressesOf(limited.info().key_id()), (Strings{"10.1.0.0/16"}));
  EXPECT_EQ(AddressesOf(crossed.info().key_id()), (Strings{"10.2.0.0/16"}));
  EXPECT_EQ(CodeOf(rotated.key()), v1::VERIFY_CODE_REVOKED);
  EXPECT_EQ(ToTime(Get(graced.info().key_id()).expire_time()), grace_end);
  EXPECT_EQ(CodeOf(among_many.key()), v1::VERIFY_CODE_REVOKED);
  EXPECT_EQ(CodeOf(shop.key()), v1::VERIFY_CODE_REVOKED);
  EXPECT_EQ(CodeOf(untouched.key()), v1::VERIFY_CODE_VALID);
  EXPECT_EQ(CodeOf(lost.key()), v1::VERIFY_CODE_NOT_FOUND);

  for (const IssuedKey* key : {&revoked, &deleted, &disabled, &narrowed, &wild, &ended, &limited,
                               &crossed, &rotated, &graced, &among_many, &lost}) {
    EXPECT_THAT(*report, HasSubstr("key " + key->info().key_id() + " of web"));
  }
  EXPECT_THAT(*report, HasSubstr("key " + successor.info().key_id())) << "lost";
  EXPECT_THAT(*report, AllOf(HasSubstr("project shop: deleted"), HasSubstr("project later")));
  const std::vector<int> revisions = RevisionsIn(*report, "taken away again", "lost, made");
  EXPECT_GE(revisions.size(), 11u);
  EXPECT_TRUE(std::is_sorted(revisions.begin(), revisions.end())) << *report;
  EXPECT_THAT(steps_, ElementsAre("reading the audit export", "unpacking 1 MiB",
                                  "checking every record", StartsWith("taking away again")));
  for (const IssuedKey* key : {&enabled, &untouched, &lost_and_revoked}) {
    EXPECT_THAT(*report, Not(HasSubstr(key->info().key_id())));
  }
  // Each with an entry that names the first.
  v1::ListAuditEventsRequest entries;
  entries.mutable_filter()->set_key_id(revoked.info().key_id());
  const auto found = root().Call(entries);
  EXPECT_EQ(found->events(0).action(), "RevokeKey");
  EXPECT_EQ(found->events(0).actor(), "system");
  EXPECT_THAT(found->events(0).detail(), HasSubstr("again after a restore: revision"));
}

TEST_F(RestoreTest, WhatARestoreTookAwayAgainIsReadByTheNextOne) {
  const IssuedKey narrowed = Issue("default", {"a:b", "c:d"});
  const IssuedKey limited = Issue();
  const IssuedKey ended = Issue();
  const IssuedKey revoked = Issue();
  const std::string backup = BackUp();
  Rescope(narrowed.info().key_id(), {}, {"c:d"});
  SetAddresses(limited.info().key_id(), {"10.1.0.0/16"});
  SetEnd(ended.info().key_id(), Now() + absl::Hours(5));
  Revoke(revoked.info().key_id());
  std::string log = Export();
  for (int round = 0; round < 2; ++round) {
    SCOPED_TRACE(round);
    LoseTheStore();
    const auto report = Restore({.file = backup, .audit_export = log});
    ASSERT_TRUE(report.ok()) << report.status();
    StartAgain();
    EXPECT_EQ(ScopesOf(narrowed.info().key_id()), (Strings{"a:b"}));
    EXPECT_EQ(AddressesOf(limited.info().key_id()), (Strings{"10.1.0.0/16"}));
    EXPECT_EQ(ToTime(Get(ended.info().key_id()).expire_time()), Now() + absl::Hours(5));
    EXPECT_EQ(CodeOf(revoked.key()), v1::VERIFY_CODE_REVOKED);
    log = Export();
  }
}

TEST_F(RestoreTest, WhereNobodyIsLeftWhoMayDoEverythingARootKeyIsMade) {
  const std::string backup = BackUp();
  const std::string old_root = server_.root_key();
  const IssuedKey admin = IssueManagementKey({"settings.manage"});
  v1::RevokeKeyRequest revoke;
  revoke.set_key_id(old_root.substr(9, 16));
  EXPECT_THAT(server_.As(admin.key()).Call(revoke), IsOk());
  const std::string log = Export(server_.As(admin.key()));
  LoseTheStore();
  const auto report = Restore({.file = backup, .audit_export = log});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(*report, HasSubstr("a root key was made: " + server_.data_dir() + "/root.key"));
  EXPECT_THAT(*report, HasSubstr(admin.info().key_id())) << "lost";
  StartAgain();
  EXPECT_NE(server_.root_key(), old_root);
  EXPECT_EQ(report->find(server_.root_key()), std::string::npos);
  EXPECT_THAT(root().Call(v1::ListKeysRequest()), IsOk());
  EXPECT_FALSE(server_.As(old_root).Call(v1::ListKeysRequest()).ok());
}

TEST_F(RestoreTest, ARootKeyIsMadeWhereItIsAskedFor) {
  const std::string backup = BackUp();
  LoseTheStore();
  server_.config().store.accept_older_state = true;
  const auto report = Restore({.file = backup, .audit_export = "", .new_root_key = true});
  server_.config().store.accept_older_state = false;
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  EXPECT_THAT(root().Call(v1::ListKeysRequest()), IsOk());
}

TEST_F(RestoreTest, ASessionOfBeforeIsResetAndARevokeWaitsForLeasesThatNobodyKnows) {
  const IssuedKey key = Issue();
  const std::string backup = BackUp();
  v1::SyncHello hello;
  hello.set_session_id(TestVerifier::SessionId("verifier"));
  hello.set_epoch(Epoch());
  {
    TestVerifier verifier(server_.NewChannel(grpc::InsecureChannelCredentials()),
                          server_.root_key());
    const auto welcome = verifier.SayHello(hello);
    ASSERT_TRUE(welcome.has_value());
    hello.set_resume_revision(welcome->head_revision());
  }
  LoseTheStore();
  ASSERT_TRUE(RestoreOlderState(backup).ok());
  StartAgain();
  TestVerifier verifier(server_.NewChannel(grpc::InsecureChannelCredentials()), server_.root_key());
  const auto welcome = verifier.SayHello(hello);
  ASSERT_TRUE(welcome.has_value());
  EXPECT_FALSE(welcome->resumed());
  EXPECT_NE(welcome->epoch(), hello.epoch());
  verifier.Cut();

  v1::RevokeKeyRequest revoke;
  revoke.set_key_id(key.info().key_id());
  revoke.set_propagation(v1::PROPAGATION_MODE_COMMIT);
  const auto soon = root().Call(revoke);
  ASSERT_THAT(soon, IsOk());
  EXPECT_EQ(soon->propagation().outcome(), v1::PROPAGATION_OUTCOME_PENDING);
  EXPECT_GE(soon->propagation().safe_in().seconds(), 120) << "whatever the old server granted";
  revoke.clear_propagation();
  server_.clock().Advance(kUnknownLeases);
  const auto later = root().Call(revoke);
  ASSERT_THAT(later, IsOk());
  EXPECT_NE(later->propagation().outcome(), v1::PROPAGATION_OUTCOME_PENDING);
}

}  // namespace
}  // namespace claviger
