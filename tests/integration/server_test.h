// The fixture of tests over a running server: sentences about keys and projects.
#ifndef CLAVIGER_TESTS_INTEGRATION_SERVER_TEST_H_
#define CLAVIGER_TESTS_INTEGRATION_SERVER_TEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/test_server.h"

namespace claviger {

using grpc::StatusCode;

// A raw key and what the server says about it.
using IssuedKey = v1::IssueKeyResponse;
using Strings = std::vector<std::string>;

class ServerTest : public testing::Test {
 protected:
  ServerTest();

  // Stops and starts over the same folder.
  void Restart();
  TestCaller root() const { return server_.Root(); }

  v1::Project MakeProject(const std::string& project_id, const Strings& catalog = {});
  // A request that IssueKey accepts.
  static v1::IssueKeyRequest NewKey(const std::string& project_id = "default",
                                    const Strings& scopes = {});
  IssuedKey Issue(const v1::IssueKeyRequest& request);
  IssuedKey Issue(const std::string& project_id = "default", const Strings& scopes = {});
  // Issues a key of project `claviger` and calls with it.
  IssuedKey IssueManagementKey(const Strings& permissions, const Strings& project_ids = {});
  TestCaller Manager(const Strings& permissions, const Strings& project_ids = {});

  v1::Key Get(const std::string& key_id);
  v1::RevokeKeyResponse Revoke(const std::string& key_id);
  v1::DisableKeyResponse Disable(const std::string& key_id);

  static v1::VerifyRequest CheckOf(const std::string& key, const Strings& required_scopes = {});
  v1::VerifyResponse Verify(const v1::VerifyRequest& request);
  v1::VerifyCode CodeOf(const std::string& key) { return Verify(CheckOf(key)).code(); }

  // Revision of the newest audit entry that is not of a refused call.
  uint64_t LastChange();
  // What any change changes: its revision, and the number of keys.
  std::pair<uint64_t, int64_t> Written();

  TestServer server_;
};

// The elements as strings, for EXPECT_THAT(…, ElementsAre(…)).
template <typename Repeated>
Strings ToStrings(const Repeated& repeated) {
  return {repeated.begin(), repeated.end()};
}

absl::Time ToTime(const google::protobuf::Timestamp& time);
void SetTime(absl::Time time, google::protobuf::Timestamp* out);
void SetDuration(absl::Duration duration, google::protobuf::Duration* out);

}  // namespace claviger

#endif  // CLAVIGER_TESTS_INTEGRATION_SERVER_TEST_H_
