#include "tests/integration/server_test.h"

namespace claviger {
namespace {

// The answer; a failure of the test when there is none.
template <typename T>
T Expect(Outcome<T> outcome) {
  EXPECT_THAT(outcome, IsOk());
  return std::move(outcome.answer);
}

}  // namespace

ServerTest::ServerTest() { EXPECT_EQ(server_.Start(), absl::OkStatus()); }

void ServerTest::Restart() {
  server_.Stop();
  ASSERT_EQ(server_.Start(), absl::OkStatus());
}

v1::Project ServerTest::MakeProject(const std::string& project_id, const Strings& catalog) {
  v1::CreateProjectRequest request;
  request.mutable_project()->set_project_id(project_id);
  for (const std::string& scope : catalog) request.mutable_project()->add_scope_catalog(scope);
  return Expect(root().Call(request)).project();
}

v1::IssueKeyRequest ServerTest::NewKey(const std::string& project_id, const Strings& scopes) {
  v1::IssueKeyRequest request;
  request.set_project_id(project_id);
  request.set_display_name("a key");
  for (const std::string& scope : scopes) request.add_scopes(scope);
  return request;
}

IssuedKey ServerTest::Issue(const v1::IssueKeyRequest& request) {
  return Expect(root().Call(request));
}

IssuedKey ServerTest::Issue(const std::string& project_id, const Strings& scopes) {
  return Issue(NewKey(project_id, scopes));
}

IssuedKey ServerTest::IssueManagementKey(const Strings& permissions, const Strings& project_ids) {
  v1::IssueKeyRequest request = NewKey("claviger", permissions);
  for (const std::string& id : project_ids) request.add_bound_project_ids(id);
  return Issue(request);
}

TestCaller ServerTest::Manager(const Strings& permissions, const Strings& project_ids) {
  return server_.As(IssueManagementKey(permissions, project_ids).key());
}

v1::Key ServerTest::Get(const std::string& key_id) {
  v1::GetKeyRequest request;
  request.set_key_id(key_id);
  return Expect(root().Call(request)).info();
}

v1::RevokeKeyResponse ServerTest::Revoke(const std::string& key_id) {
  v1::RevokeKeyRequest request;
  request.set_key_id(key_id);
  return Expect(root().Call(request));
}

v1::DisableKeyResponse ServerTest::Disable(const std::string& key_id) {
  v1::DisableKeyRequest request;
  request.set_key_id(key_id);
  return Expect(root().Call(request));
}

v1::VerifyRequest ServerTest::CheckOf(const std::string& key, const Strings& required_scopes) {
  v1::VerifyRequest request;
  request.set_key(key);
  for (const std::string& scope : required_scopes) request.add_required_scopes(scope);
  return request;
}

v1::VerifyResponse ServerTest::Verify(const v1::VerifyRequest& request) {
  return Expect(root().Call(request));
}

uint64_t ServerTest::LastChange() {
  v1::ListAuditEventsRequest request;
  while (true) {
    const v1::ListAuditEventsResponse page = Expect(root().Call(request));
    for (const v1::AuditEvent& event : page.events()) {
      if (event.refusal().empty()) return event.revision();
    }
    if (page.next_page_token().empty()) return 0;
    request.set_page_token(page.next_page_token());
  }
}

std::pair<uint64_t, int64_t> ServerTest::Written() {
  v1::ListKeysRequest request;
  request.set_page_size(1);
  request.set_include_total_size(true);
  return {LastChange(), Expect(root().Call(request)).total_size()};
}

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

void SetTime(absl::Time time, google::protobuf::Timestamp* out) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  out->set_seconds(seconds);
  out->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

void SetDuration(absl::Duration duration, google::protobuf::Duration* out) {
  out->set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  out->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
}

}  // namespace claviger
