// The Sync stream as a verifier sees it, and what strict changes wait for.

#include <malloc.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "core/sync_messages.h"
#include "tests/integration/server_test.h"
#include "tests/support/test_verifier.h"

namespace claviger {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

// The server's default.
constexpr absl::Duration kLease = absl::Seconds(3);

class SyncTest : public ServerTest {
 protected:
  std::unique_ptr<TestVerifier> Open(std::string_view key) {
    return std::make_unique<TestVerifier>(server_.NewChannel(grpc::InsecureChannelCredentials()),
                                          key);
  }
  // A verifier that holds a lease.
  std::unique_ptr<TestVerifier> OpenWithLease(std::string_view name = "verifier") {
    auto verifier = Open(server_.root_key());
    const auto welcome = verifier->SayHello(name);
    EXPECT_TRUE(welcome.has_value());
    EXPECT_TRUE(welcome.has_value() && verifier->GetLease(welcome->head_revision()));
    return verifier;
  }
  // The only key of an invalidation; empty: that is not what it has.
  static std::string KeyOf(const v1::SyncInvalidation& invalidation) {
    return invalidation.items_size() == 1 ? invalidation.items(0).key_id() : std::string();
  }
  // What comes next must be an invalidation.
  static v1::SyncInvalidation ReadInvalidation(TestVerifier& verifier) {
    const auto response = verifier.Read();
    EXPECT_TRUE(response.has_value() && response->has_invalidation());
    return response.has_value() ? response->invalidation() : v1::SyncInvalidation();
  }

  std::future<v1::Propagation> RevokeInBackground(
      const std::string& key_id, absl::Duration deadline = absl::Seconds(20),
      v1::PropagationMode mode = v1::PROPAGATION_MODE_STRICT) {
    return std::async(std::launch::async, [=, caller = root()] {
      v1::RevokeKeyRequest request;
      request.set_key_id(key_id);
      request.set_propagation(mode);
      const auto answer = caller.WithDeadline(deadline).Call(request);
      EXPECT_THAT(answer, IsOk());
      return answer->propagation();
    });
  }
  static bool IsReady(const std::future<v1::Propagation>& future) {
    return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
  // The answer, while the server's clock runs, fast.
  v1::Propagation AwaitWhileTimePasses(std::future<v1::Propagation> future) {
    while (future.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready) {
      server_.clock().Advance(absl::Milliseconds(10));
    }
    return future.get();
  }
  v1::ListSessionsResponse Sessions() {
    const auto sessions = root().Call(v1::ListSessionsRequest());
    EXPECT_THAT(sessions, IsOk());
    return *sessions;
  }
};

TEST_F(SyncTest, WelcomeTellsTheTermsAndABeatEarnsALease) {
  const auto verifier = Open(server_.root_key());
  const auto welcome = verifier->SayHello();
  ASSERT_TRUE(welcome.has_value());
  EXPECT_THAT(welcome->epoch(), SizeIs(16));
  EXPECT_FALSE(welcome->resumed());
  EXPECT_TRUE(welcome->all_projects());
  EXPECT_EQ(welcome->lease().seconds(), 3);
  EXPECT_EQ(welcome->beat_interval().seconds(), 1);
  ASSERT_TRUE(verifier->Beat(welcome->head_revision()));
  const auto response = verifier->Read();
  ASSERT_TRUE(response.has_value() && response->has_grant());
  EXPECT_EQ(response->grant().beat_id(), 1u);
  EXPECT_EQ(response->grant().up_to_revision(), welcome->head_revision());
  EXPECT_EQ(response->grant().lease().seconds(), 3);
}

TEST_F(SyncTest, AStrictRevokeReturnsOnceTheVerifierHasForgottenTheKey) {
  const IssuedKey key = Issue();
  const auto verifier = OpenWithLease();
  std::future<v1::Propagation> revoke = RevokeInBackground(key.info().key_id());
  const v1::SyncInvalidation invalidation = ReadInvalidation(*verifier);
  EXPECT_EQ(KeyOf(invalidation), key.info().key_id());
  EXPECT_FALSE(IsReady(revoke));
  EXPECT_EQ(CodeOf(key.key()), v1::VERIFY_CODE_REVOKED)
      << "from the commit on, not only after the wait";
  ASSERT_TRUE(verifier->Beat(invalidation.to_revision()));
  const v1::Propagation propagation = revoke.get();
  EXPECT_EQ(propagation.outcome(), v1::PROPAGATION_OUTCOME_ALL_ACKED);
  EXPECT_EQ(propagation.acked_sessions(), 1);
}

TEST_F(SyncTest, ALeaseThatEndsEndsTheWait) {
  const IssuedKey key = Issue();
  const auto verifier = OpenWithLease();
  const absl::Duration before = server_.clock().SinceBoot();
  const v1::Propagation propagation = AwaitWhileTimePasses(RevokeInBackground(key.info().key_id()));
  EXPECT_EQ(propagation.outcome(), v1::PROPAGATION_OUTCOME_LEASES_EXPIRED);
  EXPECT_EQ(propagation.expired_sessions(), 1);
  EXPECT_GE(server_.clock().SinceBoot() - before, sync::AuthorityLease(kLease));
}

TEST_F(SyncTest, AStreamThatEndedIsWaitedForUntilItsLeaseEnds) {
  const IssuedKey key = Issue();
  OpenWithLease()->Cut();
  const absl::Duration before = server_.clock().SinceBoot();
  const v1::Propagation propagation = AwaitWhileTimePasses(RevokeInBackground(key.info().key_id()));
  EXPECT_EQ(propagation.outcome(), v1::PROPAGATION_OUTCOME_LEASES_EXPIRED);
  EXPECT_GE(server_.clock().SinceBoot() - before, sync::AuthorityLease(kLease));
}

TEST_F(SyncTest, WhoComesBackResumesAndEndsTheWaitByItself) {
  const IssuedKey key = Issue();
  v1::SyncHello hello;
  {
    const auto verifier = Open(server_.root_key());
    const auto welcome = verifier->SayHello();
    ASSERT_TRUE(welcome.has_value());
    ASSERT_TRUE(verifier->GetLease(welcome->head_revision()));
    hello.set_session_id(TestVerifier::SessionId("verifier"));
    hello.set_epoch(welcome->epoch());
    hello.set_resume_revision(welcome->head_revision());
  }
  std::future<v1::Propagation> revoke = RevokeInBackground(key.info().key_id());
  const auto back = Open(server_.root_key());
  const auto welcome = back->SayHello(hello);
  ASSERT_TRUE(welcome.has_value());
  EXPECT_TRUE(welcome->resumed());
  const v1::SyncInvalidation invalidation = ReadInvalidation(*back);
  EXPECT_EQ(invalidation.previous_revision(), hello.resume_revision());
  EXPECT_FALSE(IsReady(revoke));
  ASSERT_TRUE(back->Beat(invalidation.to_revision()));
  EXPECT_EQ(revoke.get().outcome(), v1::PROPAGATION_OUTCOME_ALL_ACKED);
}

TEST_F(SyncTest, ADeadlineEndsTheWaitAndSaysWhenItIsSafe) {
  const IssuedKey key = Issue();
  const auto verifier = OpenWithLease();
  std::future<v1::Propagation> revoke =
      RevokeInBackground(key.info().key_id(), absl::Milliseconds(2500));
  ReadInvalidation(*verifier);
  server_.clock().Advance(absl::Milliseconds(2600));
  const v1::Propagation propagation = revoke.get();
  EXPECT_EQ(propagation.outcome(), v1::PROPAGATION_OUTCOME_PENDING);
  EXPECT_EQ(propagation.pending_sessions(), 1);
  const absl::Duration left = sync::AuthorityLease(kLease) - absl::Milliseconds(2600);
  EXPECT_EQ(absl::Seconds(propagation.safe_in().seconds()) +
                absl::Nanoseconds(propagation.safe_in().nanos()),
            left);
  EXPECT_EQ(CodeOf(key.key()), v1::VERIFY_CODE_REVOKED);
}

TEST_F(SyncTest, ACommitReturnsAtOnce) {
  const IssuedKey key = Issue();
  const auto verifier = OpenWithLease();
  const v1::Propagation propagation =
      RevokeInBackground(key.info().key_id(), absl::Seconds(20), v1::PROPAGATION_MODE_COMMIT).get();
  EXPECT_NE(propagation.outcome(), v1::PROPAGATION_OUTCOME_ALL_ACKED);
  EXPECT_EQ(KeyOf(ReadInvalidation(*verifier)), key.info().key_id());
}

TEST_F(SyncTest, AnObserverIsToldAndNotWaitedFor) {
  const IssuedKey key = Issue();
  const auto observer = Open(server_.root_key());
  v1::SyncHello hello;
  hello.set_session_id(TestVerifier::SessionId("observer"));
  hello.set_observer(true);
  const auto welcome = observer->SayHello(hello);
  ASSERT_TRUE(welcome.has_value());
  ASSERT_TRUE(observer->Beat(welcome->head_revision()));
  const v1::Propagation propagation = RevokeInBackground(key.info().key_id()).get();
  EXPECT_EQ(propagation.outcome(), v1::PROPAGATION_OUTCOME_ALL_ACKED);
  EXPECT_EQ(propagation.acked_sessions(), 0);
  EXPECT_EQ(KeyOf(ReadInvalidation(*observer)), key.info().key_id());
}

TEST_F(SyncTest, AVerifierOfOneProjectHearsOfNoOther) {
  MakeProject("shop");
  const IssuedKey elsewhere = Issue("default");
  const IssuedKey here = Issue("shop");
  const auto verifier = Open(IssueManagementKey({"keys.verify"}, {"shop"}).key());
  const auto welcome = verifier->SayHello();
  ASSERT_TRUE(welcome.has_value());
  EXPECT_FALSE(welcome->all_projects());
  EXPECT_THAT(ToStrings(welcome->project_ids()), ElementsAre("shop"));
  ASSERT_TRUE(verifier->GetLease(welcome->head_revision()));
  EXPECT_EQ(RevokeInBackground(elsewhere.info().key_id()).get().outcome(),
            v1::PROPAGATION_OUTCOME_ALL_ACKED)
      << "nobody to wait for";
  std::future<v1::Propagation> revoke = RevokeInBackground(here.info().key_id());
  const v1::SyncInvalidation invalidation = ReadInvalidation(*verifier);
  EXPECT_EQ(KeyOf(invalidation), here.info().key_id());
  verifier->Beat(invalidation.to_revision());
  EXPECT_EQ(revoke.get().acked_sessions(), 1);
}

TEST_F(SyncTest, WithoutThePermissionThereIsNoStream) {
  const auto verifier = Open(IssueManagementKey({"keys.read"}).key());
  EXPECT_EQ(verifier->SayHello(), std::nullopt);
  EXPECT_THAT(verifier->End(), IsError(StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"));
  const auto stranger = Open("nobody's key");
  EXPECT_EQ(stranger->SayHello(), std::nullopt);
  EXPECT_THAT(stranger->End(), IsError(StatusCode::UNAUTHENTICATED, "CREDENTIAL_INVALID"));
}

TEST_F(SyncTest, ACredentialThatIsRevokedLosesItsStream) {
  const IssuedKey credential = IssueManagementKey({"keys.verify"});
  const auto verifier = Open(credential.key());
  const auto welcome = verifier->SayHello();
  ASSERT_TRUE(welcome.has_value());
  ASSERT_TRUE(verifier->GetLease(welcome->head_revision()));
  // What it holds is trusted until its lease ends, so that is waited for.
  const v1::Propagation propagation =
      AwaitWhileTimePasses(RevokeInBackground(credential.info().key_id()));
  EXPECT_EQ(propagation.outcome(), v1::PROPAGATION_OUTCOME_LEASES_EXPIRED);
  EXPECT_THAT(verifier->End(), IsError(StatusCode::UNAUTHENTICATED, "CREDENTIAL_INVALID"));
}

TEST_F(SyncTest, ACredentialThatMayNotVerifyAnyMoreLosesItsStream) {
  const IssuedKey credential = IssueManagementKey({"keys.verify", "keys.read"});
  const auto verifier = Open(credential.key());
  ASSERT_TRUE(verifier->SayHello().has_value());
  v1::UpdateScopesRequest narrow;
  narrow.set_key_id(credential.info().key_id());
  narrow.mutable_replace_with()->add_scopes("keys.read");
  ASSERT_THAT(root().Call(narrow), IsOk());
  EXPECT_THAT(verifier->End(), IsError(StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"));
}

// Its acknowledgements would end waits for a cache that it knows nothing of.
TEST_F(SyncTest, ASessionIsNotTakenOverByAnotherCaller) {
  const auto verifier = OpenWithLease("victim");
  const auto thief = Open(IssueManagementKey({"keys.verify"}).key());
  EXPECT_EQ(thief->SayHello("victim"), std::nullopt);
  EXPECT_THAT(thief->End(),
              IsError(StatusCode::INVALID_ARGUMENT, "FIELD_INVALID", "hello.session_id"));
  server_.clock().Advance(absl::Seconds(1));  // a beat later
  EXPECT_TRUE(verifier->GetLease(Sessions().head_revision())) << "goes on as before";
}

TEST_F(SyncTest, AnotherHistoryIsNotResumed) {
  const auto verifier = Open(server_.root_key());
  v1::SyncHello hello;
  hello.set_session_id(TestVerifier::SessionId("verifier"));
  hello.set_epoch(std::string(16, 'e'));
  hello.set_resume_revision(1);
  const auto welcome = verifier->SayHello(hello);
  ASSERT_TRUE(welcome.has_value());
  EXPECT_FALSE(welcome->resumed());
  EXPECT_NE(welcome->epoch(), hello.epoch());
}

TEST_F(SyncTest, AStoppingServerSaysGoodbye) {
  const auto verifier = OpenWithLease();
  std::future<void> stop = std::async(std::launch::async, [this] { server_.Stop(); });
  const auto response = verifier->Read();
  ASSERT_TRUE(response.has_value());
  EXPECT_TRUE(response->has_go_away());
  EXPECT_THAT(verifier->End(), IsError(StatusCode::UNAVAILABLE, "SHUTTING_DOWN"));
  stop.get();
}

TEST_F(SyncTest, ARestartedServerWaitsForTheLeasesOfBefore) {
  const IssuedKey key = Issue();
  const auto verifier = OpenWithLease();
  const absl::Duration before = server_.clock().SinceBoot();
  Restart();
  const v1::Propagation propagation = AwaitWhileTimePasses(RevokeInBackground(key.info().key_id()));
  EXPECT_EQ(propagation.outcome(), v1::PROPAGATION_OUTCOME_LEASES_EXPIRED);
  EXPECT_GE(server_.clock().SinceBoot() - before, sync::AuthorityLease(kLease));
  EXPECT_EQ(RevokeInBackground(Issue().info().key_id()).get().outcome(),
            v1::PROPAGATION_OUTCOME_ALL_ACKED)
      << "and then for nothing more";
}

TEST_F(SyncTest, AServerThatStoppedWithoutLeasesWaitsForNothing) {
  const IssuedKey key = Issue();
  { const auto verifier = OpenWithLease(); }
  server_.clock().Advance(sync::AuthorityLease(kLease));
  Restart();
  EXPECT_EQ(RevokeInBackground(key.info().key_id()).get().outcome(),
            v1::PROPAGATION_OUTCOME_ALL_ACKED);
}

TEST_F(SyncTest, SessionsAreListed) {
  const auto verifier = OpenWithLease("orders/1.4");
  const v1::ListSessionsResponse list = Sessions();
  ASSERT_THAT(list.sessions(), SizeIs(1));
  const v1::VerifierSession& session = list.sessions(0);
  EXPECT_EQ(session.client(), "orders/1.4");
  EXPECT_EQ(session.peer(), "127.0.0.1");
  EXPECT_TRUE(session.connected());
  EXPECT_FALSE(session.observer());
  EXPECT_EQ(session.position(), list.head_revision());
  EXPECT_EQ(session.lease_left().seconds(), 3);
  EXPECT_THAT(Manager({"keys.verify"}).Call(v1::ListSessionsRequest()),
              IsError(StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"));
}

// I13: whoever does not read costs one cursor, whatever happens meanwhile.
TEST_F(SyncTest, StalledVerifiersCostNoMemory) {
  constexpr int kVerifiers = 200;
  constexpr int kRounds = 400;
  const IssuedKey key = Issue();
  std::vector<std::unique_ptr<TestVerifier>> stalled;
  for (int i = 0; i < kVerifiers; ++i) {
    stalled.push_back(OpenWithLease("stalled " + std::to_string(i)));
  }
  const auto change_often = [&] {
    for (int i = 0; i < kRounds; ++i) {
      v1::DisableKeyRequest disable;
      disable.set_key_id(key.info().key_id());
      disable.set_propagation(v1::PROPAGATION_MODE_COMMIT);
      ASSERT_THAT(root().Call(disable), IsOk());
      v1::EnableKeyRequest enable;
      enable.set_key_id(key.info().key_id());
      ASSERT_THAT(root().Call(enable), IsOk());
    }
  };
  change_often();  // whatever is filled once
  const auto before = static_cast<double>(mallinfo2().uordblks);
  change_often();
  const auto grown = static_cast<double>(mallinfo2().uordblks) - before;
  // A queued message for each change and verifier would be 2 * 400 * 200 of at least 100 bytes.
  EXPECT_LT(grown, 4e6);
  EXPECT_THAT(Sessions().sessions(), SizeIs(kVerifiers));
  // Who wakes up is told of all in one message.
  TestVerifier& awake = *stalled.front();
  const v1::SyncInvalidation first = ReadInvalidation(awake);
  ASSERT_TRUE(awake.Beat(first.to_revision()));
  const v1::SyncInvalidation rest = ReadInvalidation(awake);
  EXPECT_EQ(rest.previous_revision(), first.to_revision());
  EXPECT_EQ(rest.to_revision(), Sessions().head_revision());
  EXPECT_GE(rest.items_size(), 1);
}

}  // namespace
}  // namespace claviger
