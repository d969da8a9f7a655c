#include "client/src/sync_convert.h"

#include <string>
#include <variant>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/grant_testing.h"

namespace claviger::client {
namespace {

using ::testing::ElementsAre;

template <typename Message>
Message Read(const v1::SyncResponse& response) {
  const absl::StatusOr<sync::FromAuthority> message = FromProto(response);
  EXPECT_EQ(message.status(), absl::OkStatus());
  const auto* typed = message.ok() ? std::get_if<Message>(&*message) : nullptr;
  EXPECT_NE(typed, nullptr);
  return typed == nullptr ? Message() : *typed;
}

TEST(SyncConvertTest, AFirstHelloHasNoPosition) {
  const v1::SyncRequest request = ToProto(sync::Hello{.session_id = {1, 2}, .client = "shop/1"});
  const v1::SyncHello& hello = request.hello();
  EXPECT_EQ(hello.session_id(), std::string("\1\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16));
  EXPECT_EQ(hello.epoch(), "");
  EXPECT_EQ(hello.resume_revision(), 0u);
  EXPECT_EQ(hello.client(), "shop/1");
  EXPECT_FALSE(hello.observer());
}

TEST(SyncConvertTest, ALaterHelloResumes) {
  const v1::SyncRequest request = ToProto(sync::Hello{.epoch = EpochOf(7),
                                                      .resume_revision = {42},
                                                      .project_ids = {"shop", "web"},
                                                      .stale_on_error = absl::Milliseconds(1500)});
  const v1::SyncHello& hello = request.hello();
  EXPECT_EQ(hello.epoch(), std::string(16, '\7'));
  EXPECT_EQ(hello.resume_revision(), 42u);
  EXPECT_THAT(hello.project_ids(), ElementsAre("shop", "web"));
  EXPECT_EQ(hello.stale_on_error().seconds(), 1);
  EXPECT_EQ(hello.stale_on_error().nanos(), 500'000'000);
}

TEST(SyncConvertTest, ABeatAcknowledges) {
  const v1::SyncRequest request = ToProto(sync::Beat{.beat_id = 3, .acked_revision = {9}});
  EXPECT_EQ(request.beat().beat_id(), 3u);
  EXPECT_EQ(request.beat().acked_revision(), 9u);
}

TEST(SyncConvertTest, ABeatReports) {
  const v1::SyncRequest request =
      ToProto(sync::Beat{.beat_id = 3,
                         .acked_revision = {9},
                         .usage = {{.id = IdOf(1),
                                    .valid = 5,
                                    .insufficient_scope = 4,
                                    .address_not_allowed = 3,
                                    .other_denied = 2,
                                    .last_used_ago = absl::Milliseconds(1500),
                                    .last_used_address = "192.0.2.1"},
                                   {.id = IdOf(2), .insufficient_scope = 1}}});
  ASSERT_EQ(request.beat().usage_size(), 2);
  const v1::KeyUsage& usage = request.beat().usage(0);
  EXPECT_EQ(usage.key_id(), IdOf(1).ToString());
  EXPECT_EQ(usage.valid_count(), 5u);
  EXPECT_EQ(usage.insufficient_scope_count(), 4u);
  EXPECT_EQ(usage.address_not_allowed_count(), 3u);
  EXPECT_EQ(usage.other_denied_count(), 2u);
  EXPECT_EQ(usage.last_used_ago().nanos(), 500'000'000);
  EXPECT_EQ(usage.last_used_address(), "192.0.2.1");
  EXPECT_FALSE(request.beat().usage(1).has_last_used_ago());
}

TEST(SyncConvertTest, ReadsAWelcome) {
  v1::SyncResponse response;
  v1::SyncWelcome& welcome = *response.mutable_welcome();
  welcome.set_epoch(std::string(16, '\7'));
  welcome.set_head_revision(5);
  welcome.set_resumed(true);
  welcome.mutable_lease()->set_seconds(3);
  welcome.mutable_beat_interval()->set_seconds(1);
  const auto read = Read<sync::Welcome>(response);
  EXPECT_EQ(read.epoch, EpochOf(7));
  EXPECT_EQ(read.head_revision.value, 5u);
  EXPECT_TRUE(read.resumed);
  EXPECT_EQ(read.lease, absl::Seconds(3));
  EXPECT_EQ(read.beat_interval, absl::Seconds(1));
}

TEST(SyncConvertTest, ReadsAnInvalidation) {
  v1::SyncResponse response;
  v1::SyncInvalidation& invalidation = *response.mutable_invalidation();
  invalidation.set_previous_revision(5);
  invalidation.set_to_revision(8);
  invalidation.add_items()->set_key_id(IdOf(1).ToString());
  invalidation.add_items()->set_project_id("web");
  invalidation.add_items()->set_all(true);
  const auto read = Read<sync::Invalidation>(response);
  EXPECT_EQ(read.previous_revision.value, 5u);
  EXPECT_EQ(read.to_revision.value, 8u);
  EXPECT_THAT(read.items,
              ElementsAre(sync::Item(sync::KeyItem{IdOf(1)}), sync::Item(sync::ProjectItem{"web"}),
                          sync::Item(sync::AllItem())));
}

TEST(SyncConvertTest, AnItemThatIsNotUnderstoodIsEverything) {
  v1::SyncResponse response;
  response.mutable_invalidation()->add_items();
  response.mutable_invalidation()->add_items()->set_key_id("not an id");
  EXPECT_THAT(Read<sync::Invalidation>(response).items,
              ElementsAre(sync::Item(sync::AllItem()), sync::Item(sync::AllItem())));
}

TEST(SyncConvertTest, ReadsTheOthers) {
  v1::SyncResponse grant;
  grant.mutable_grant()->set_beat_id(2);
  grant.mutable_grant()->set_up_to_revision(4);
  grant.mutable_grant()->mutable_lease()->set_nanos(500);
  EXPECT_EQ(Read<sync::Grant>(grant).beat_id, 2u);
  EXPECT_EQ(Read<sync::Grant>(grant).up_to_revision.value, 4u);
  EXPECT_EQ(Read<sync::Grant>(grant).lease, absl::Nanoseconds(500));
  v1::SyncResponse reset;
  reset.mutable_reset()->set_to_revision(4);
  reset.mutable_reset()->set_why(v1::SYNC_RESET_REASON_CALLER_CHANGED);
  EXPECT_EQ(Read<sync::Reset>(reset).to_revision.value, 4u);
  EXPECT_EQ(Read<sync::Reset>(reset).why, sync::ResetReason::kCallerChanged);
  v1::SyncResponse go_away;
  go_away.mutable_go_away()->mutable_reconnect_after()->set_seconds(9);
  EXPECT_EQ(Read<sync::GoAway>(go_away).reconnect_after, absl::Seconds(9));
}

TEST(SyncConvertTest, RefusesWhatIsNoMessage) {
  v1::SyncResponse short_epoch;
  short_epoch.mutable_welcome()->set_epoch("short");
  EXPECT_FALSE(FromProto(short_epoch).ok());
  EXPECT_EQ(FromProto(v1::SyncResponse()).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace claviger::client
