// What a Sync stream may not say.

#include <string>
#include <vector>

#include "tests/integration/server_test.h"
#include "tests/support/test_verifier.h"

namespace claviger {
namespace {

class SyncBadInputTest : public ServerTest {};

TEST_F(SyncBadInputTest, WhatIsOutOfTurnOrOutOfBoundsEndsTheStream) {
  const auto with_hello = [](auto spoil) {
    v1::SyncRequest request;
    request.mutable_hello()->set_session_id(std::string(16, 's'));
    spoil(*request.mutable_hello());
    return request;
  };
  v1::SyncRequest beat;
  beat.mutable_beat()->set_beat_id(1);
  v1::SyncRequest ahead;
  ahead.mutable_beat()->set_beat_id(1);
  ahead.mutable_beat()->set_acked_revision(1'000'000);
  const v1::SyncRequest hello = with_hello([](v1::SyncHello&) {});
  const struct {
    const char* name;
    std::vector<v1::SyncRequest> requests;
    const char* field;
  } kCases[] = {
      {"nothing", {v1::SyncRequest()}, "message"},
      {"beat before hello", {beat}, "message"},
      {"hello twice", {hello, hello}, "message"},
      {"acknowledges what it was never told", {hello, ahead}, "beat.acked_revision"},
      {"no session", {with_hello([](auto& h) { h.clear_session_id(); })}, "hello.session_id"},
      {"a short session",
       {with_hello([](auto& h) { h.set_session_id("short"); })},
       "hello.session_id"},
      {"an odd epoch", {with_hello([](auto& h) { h.set_epoch("odd"); })}, "hello.epoch"},
      {"a bad project",
       {with_hello([](auto& h) { h.add_project_ids("No Project"); })},
       "hello.project_ids[0]"},
      {"65 projects",
       {with_hello([](auto& h) {
         for (int i = 0; i < 65; ++i) h.add_project_ids("p" + std::to_string(i));
       })},
       "hello.project_ids"},
      {"61 s stale",
       {with_hello([](auto& h) { h.mutable_stale_on_error()->set_seconds(61); })},
       "hello.stale_on_error"},
      {"a negative time",
       {with_hello([](auto& h) { h.mutable_stale_on_error()->set_seconds(-1); })},
       "hello.stale_on_error"},
      {"a long name",
       {with_hello([](auto& h) { h.set_client(std::string(129, 'c')); })},
       "hello.client"},
      {"a control character", {with_hello([](auto& h) { h.set_client("a\nb"); })}, "hello.client"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    TestVerifier verifier(server_.NewChannel(grpc::InsecureChannelCredentials()),
                          server_.root_key());
    for (const v1::SyncRequest& request : c.requests) verifier.Send(request);
    EXPECT_THAT(verifier.End(), IsError(StatusCode::INVALID_ARGUMENT, "FIELD_INVALID", c.field));
  }
}

}  // namespace
}  // namespace claviger
