// The stream of audit entries.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "claviger/v1/audit.grpc.pb.h"
#include "grpcpp/client_context.h"
#include "tests/integration/server_test.h"

namespace claviger {
namespace {

using ::testing::HasSubstr;

// A stream whose messages the test reads one by one.
class TestWatcher {
 public:
  TestWatcher(const std::shared_ptr<grpc::Channel>& channel, std::string_view key,
              const v1::WatchAuditEventsRequest& request)
      : stub_(v1::AuditLog::NewStub(channel)) {
    if (!key.empty()) context_.AddMetadata("authorization", "Bearer " + std::string(key));
    // So that a server that hangs fails the test.
    context_.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
    stream_ = stub_->WatchAuditEvents(&context_, request);
  }
  ~TestWatcher() {
    if (!ended_) context_.TryCancel();
    End();
  }

  // nullopt: the stream has ended.
  std::optional<v1::WatchAuditEventsResponse> Read() {
    v1::WatchAuditEventsResponse message;
    if (!stream_->Read(&message)) return std::nullopt;
    return message;
  }
  // The next message that has an entry.
  v1::AuditEvent ReadEvent() {
    while (const auto message = Read()) {
      if (message->has_event()) return message->event();
    }
    ADD_FAILURE() << "the stream has ended: " << End().error_message();
    return {};
  }
  grpc::Status End() {
    if (!ended_) {
      while (Read().has_value()) continue;
      status_ = stream_->Finish();
      ended_ = true;
    }
    return status_;
  }

 private:
  const std::unique_ptr<v1::AuditLog::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchAuditEventsResponse>> stream_;
  bool ended_ = false;
  grpc::Status status_;
};

class AuditWatchTest : public ServerTest {
 protected:
  std::unique_ptr<TestWatcher> Watch(std::string_view key,
                                     const v1::WatchAuditEventsRequest& request) {
    return std::make_unique<TestWatcher>(server_.NewChannel(grpc::InsecureChannelCredentials()),
                                         key, request);
  }
  std::unique_ptr<TestWatcher> Watch(const v1::WatchAuditEventsRequest& request) {
    return Watch(server_.root_key(), request);
  }
  static v1::WatchAuditEventsRequest FromNow() {
    v1::WatchAuditEventsRequest request;
    request.set_from_now(true);
    return request;
  }
  uint64_t Head() { return root().Call(v1::ListAuditEventsRequest())->head_revision(); }
};

TEST_F(AuditWatchTest, TellsEachEntryAsItIsMade) {
  const uint64_t head = Head();
  const auto watcher = Watch(FromNow());
  const auto first = watcher->Read();
  ASSERT_TRUE(first.has_value());
  EXPECT_FALSE(first->has_event());
  EXPECT_EQ(first->position(), head);
  for (int i = 0; i < 3; ++i) {
    const IssuedKey key = Issue();
    const v1::AuditEvent event = watcher->ReadEvent();
    EXPECT_EQ(event.action(), "IssueKey");
    EXPECT_EQ(event.key_id(), key.info().key_id());
    EXPECT_EQ(event.hash().size(), 32u);
  }
}

TEST_F(AuditWatchTest, GoesOnWhereItWas) {
  std::vector<std::string> ids;
  const uint64_t head = Head();
  for (int i = 0; i < 5; ++i) ids.push_back(Issue().info().key_id());
  v1::WatchAuditEventsRequest request;
  request.set_after_revision(head);
  size_t seen = 0;
  while (seen < ids.size()) {
    const auto watcher = Watch(request);
    ASSERT_TRUE(watcher->Read().has_value());
    const auto message = watcher->Read();
    ASSERT_TRUE(message.has_value() && message->has_event());
    EXPECT_EQ(message->event().key_id(), ids[seen++]);
    EXPECT_EQ(message->position(), message->event().revision());
    request.set_after_revision(message->position());
  }
  const auto watcher = Watch(request);
  ASSERT_TRUE(watcher->Read().has_value());
  const std::string last = Issue().info().key_id();
  EXPECT_EQ(watcher->ReadEvent().key_id(), last);
}

TEST_F(AuditWatchTest, GoesOnOverARestart) {
  v1::WatchAuditEventsRequest request;
  request.set_after_revision(Head());
  const std::string before = Issue().info().key_id();
  Restart();
  const auto watcher = Watch(request);
  // At the end of the first run leases are noted, where there were any.
  EXPECT_EQ(watcher->ReadEvent().key_id(), before);
}

TEST_F(AuditWatchTest, BeginsWithTheFirstEntry) {
  const auto watcher = Watch(v1::WatchAuditEventsRequest());
  EXPECT_EQ(watcher->ReadEvent().action(), "Bootstrap");
}

TEST_F(AuditWatchTest, TellsMoreThanOneLot) {
  constexpr int kKeys = 600;
  v1::WatchAuditEventsRequest request;
  request.set_after_revision(Head());
  for (int i = 0; i < kKeys; ++i) Issue();
  const auto watcher = Watch(request);
  for (int i = 1; i <= kKeys; ++i) {
    ASSERT_EQ(watcher->ReadEvent().revision(), request.after_revision() + i);
  }
}

TEST_F(AuditWatchTest, TellsRefusedCalls) {
  v1::WatchAuditEventsRequest request = FromNow();
  request.mutable_filter()->set_refused_only(true);
  const auto watcher = Watch(request);
  ASSERT_TRUE(watcher->Read().has_value());
  Issue();
  server_.Anonymous().Call(v1::ListKeysRequest());
  const v1::AuditEvent event = watcher->ReadEvent();
  EXPECT_EQ(event.refusal(), "CREDENTIAL_MISSING");
  EXPECT_EQ(event.action(), "ListKeys");
}

TEST_F(AuditWatchTest, ABoundCallerIsToldOfItsProjectsOnly) {
  MakeProject("aaa");
  MakeProject("bbb");
  const IssuedKey bound = IssueManagementKey({"audit.read"}, {"aaa"});
  const auto watcher = Watch(bound.key(), FromNow());
  ASSERT_TRUE(watcher->Read().has_value());
  Issue("bbb");
  const std::string id = Issue("aaa").info().key_id();
  const v1::AuditEvent event = watcher->ReadEvent();
  EXPECT_EQ(event.key_id(), id);
  EXPECT_EQ(event.hash() + event.previous_hash(), "");
}

TEST_F(AuditWatchTest, ALostPermissionEndsIt) {
  const IssuedKey reader = IssueManagementKey({"audit.read"});
  const auto watcher = Watch(reader.key(), FromNow());
  ASSERT_TRUE(watcher->Read().has_value());
  v1::UpdateScopesRequest narrow;
  narrow.set_key_id(reader.info().key_id());
  narrow.add_remove("audit.read");
  ASSERT_THAT(root().Call(narrow), IsOk());
  EXPECT_FALSE(watcher->Read().has_value()) << "not even the change that took it away";
  EXPECT_THAT(watcher->End(), IsError(StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"));
}

TEST_F(AuditWatchTest, ARevokedCallerIsToldNothingMore) {
  const IssuedKey reader = IssueManagementKey({"audit.read"});
  const auto watcher = Watch(reader.key(), FromNow());
  ASSERT_TRUE(watcher->Read().has_value());
  Revoke(reader.info().key_id());
  EXPECT_FALSE(watcher->Read().has_value());
  EXPECT_THAT(watcher->End(), IsError(StatusCode::UNAUTHENTICATED, "CREDENTIAL_INVALID"));
}

TEST_F(AuditWatchTest, AnExpiredCallerIsToldNothingMore) {
  v1::IssueKeyRequest request = NewKey("claviger", {"audit.read"});
  SetDuration(absl::Hours(1), request.mutable_ttl());
  const IssuedKey reader = Issue(request);
  const auto watcher = Watch(reader.key(), FromNow());
  ASSERT_TRUE(watcher->Read().has_value());
  server_.clock().Advance(absl::Hours(2));
  Issue();
  EXPECT_FALSE(watcher->Read().has_value());
  EXPECT_THAT(watcher->End(), IsError(StatusCode::UNAUTHENTICATED, "CREDENTIAL_INVALID"));
}

TEST_F(AuditWatchTest, EndsWithTheServer) {
  const auto watcher = Watch(FromNow());
  ASSERT_TRUE(watcher->Read().has_value());
  server_.Stop();
  EXPECT_THAT(watcher->End(), IsError(StatusCode::UNAVAILABLE, "SHUTTING_DOWN"));
}

TEST_F(AuditWatchTest, WithoutThePermissionItIsRefusedAndRecorded) {
  const IssuedKey nobody = IssueManagementKey({"keys.read"});
  EXPECT_THAT(Watch(nobody.key(), FromNow())->End(),
              IsError(StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"));
  EXPECT_THAT(Watch("", FromNow())->End(),
              IsError(StatusCode::UNAUTHENTICATED, "CREDENTIAL_MISSING"));
  Issue();
  v1::ListAuditEventsRequest refused;
  refused.mutable_filter()->add_actions("WatchAuditEvents");
  const auto entries = root().Call(refused);
  ASSERT_EQ(entries->events_size(), 2);
  EXPECT_EQ(entries->events(0).actor(), "unknown");
  EXPECT_EQ(entries->events(1).actor(), "key:" + nobody.info().key_id());
}

TEST_F(AuditWatchTest, BadRequestsAreRefused) {
  v1::WatchAuditEventsRequest request;
  request.set_after_revision(Head() + 1);
  grpc::Status status = Watch(request)->End();
  EXPECT_THAT(status, IsError(StatusCode::INVALID_ARGUMENT, "FIELD_INVALID"));
  EXPECT_THAT(status.error_message(), HasSubstr("after_revision"));
  request = FromNow();
  request.set_after_revision(1);
  EXPECT_THAT(Watch(request)->End().error_message(), HasSubstr("after_revision"));
  request = FromNow();
  request.mutable_filter()->mutable_end_time()->set_seconds(1);
  EXPECT_THAT(Watch(request)->End().error_message(), HasSubstr("filter.end_time"));
  request = FromNow();
  request.mutable_filter()->set_key_id("nope");
  EXPECT_THAT(Watch(request)->End().error_message(), HasSubstr("filter.key_id"));
}

TEST_F(AuditWatchTest, AStreamThatIsCutLeavesNothingBehind) {
  const auto channel = server_.NewChannel(grpc::InsecureChannelCredentials());
  const absl::Time patience = absl::Now() + absl::Seconds(60);
  for (int opened = 0; opened < 600;) {
    TestWatcher watcher(channel, server_.root_key(), FromNow());
    if (watcher.Read().has_value()) {
      ++opened;
      continue;
    }
    // The server hears of a cut a moment after the client is done with it, and may have as many to
    // hear of as one caller may have.
    ASSERT_THAT(watcher.End(), IsError(StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED"));
    ASSERT_LT(absl::Now(), patience) << opened << " streams were opened";
  }
}

TEST_F(AuditWatchTest, StreamsAreBoundedByCaller) {
  const std::string greedy = IssueManagementKey({"audit.read"}).key();
  const std::string other = IssueManagementKey({"audit.read"}).key();
  std::vector<std::unique_ptr<TestWatcher>> watchers;
  for (int i = 0; i < 32; ++i) {
    watchers.push_back(Watch(greedy, FromNow()));
    ASSERT_TRUE(watchers.back()->Read().has_value());
  }
  EXPECT_THAT(Watch(greedy, FromNow())->End(),
              IsError(StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED"));
  EXPECT_TRUE(Watch(other, FromNow())->Read().has_value());
}

}  // namespace
}  // namespace claviger
