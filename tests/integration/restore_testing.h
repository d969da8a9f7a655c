// A server whose store is backed up, lost and restored.
#ifndef CLAVIGER_TESTS_INTEGRATION_RESTORE_TESTING_H_
#define CLAVIGER_TESTS_INTEGRATION_RESTORE_TESTING_H_

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "core/platform/system_random.h"
#include "google/protobuf/util/json_util.h"
#include "server/app/restore.h"
#include "tests/integration/server_test.h"
#include "tests/support/make_backup.h"

namespace claviger {

// Over a fixture with a `server_` that runs: ServerTest, ClientTest.
template <typename Fixture>
class WithRestore : public Fixture {
 protected:
  // The server is stopped for it; its callers have to connect again.
  std::string BackUp(const std::string& name = "backup") {
    std::string file = Fixture::server_.dir().Join(name);
    // Later on it is to be found where it was.
    Fixture::server_.config().listen.grpc = *ListenAddress::Parse(Fixture::server_.grpc_address());
    Fixture::server_.Stop();
    EXPECT_EQ(MakeBackup(Fixture::server_.data_dir(), file), absl::OkStatus());
    EXPECT_EQ(Fixture::server_.Start(), absl::OkStatus());
    return file;
  }

  // What `claviger audit export` would write as `caller`.
  std::string Export(const TestCaller& caller, const std::string& name = "audit.jsonl") {
    std::string text;
    v1::ListAuditEventsRequest request;
    request.set_oldest_first(true);
    request.set_page_size(1000);
    v1::ListAuditEventsResponse head;
    for (bool first = true; first || !request.page_token().empty(); first = false) {
      const auto page = caller.Call(request);
      EXPECT_THAT(page, IsOk());
      if (!page.ok()) break;
      for (const v1::AuditEvent& event : page->events()) text += JsonLine(event);
      if (first) {
        head.set_head_revision(page->head_revision());
        head.set_head_hash(page->head_hash());
      }
      request.set_page_token(page->next_page_token());
    }
    return Fixture::server_.dir().Write(name, text + JsonLine(head));
  }
  std::string Export() { return Export(Fixture::server_.Root()); }

  // Stops the server. Its data is gone, but for the pepper.
  void LoseTheStore() {
    namespace fs = std::filesystem;
    Fixture::server_.Stop();
    const std::string data = Fixture::server_.data_dir();
    fs::remove_all(OldData());
    fs::rename(data, OldData());
    fs::create_directory(data);
    fs::copy_file(OldData() + "/pepper", data + "/pepper");
  }
  std::string OldData() const { return Fixture::server_.dir().Join("data.old"); }

  absl::StatusOr<std::string> Restore(const RestoreRequest& request) {
    return RestoreBackup(Fixture::server_.config(), request, Fixture::server_.clock(),
                         restore_random_,
                         [this](std::string_view step) { steps_.emplace_back(step); });
  }
  // What it would refuse by, or nothing.
  std::string RestoreError(const RestoreRequest& request) {
    return std::string(Restore(request).status().message());
  }
  // Knowing that what was revoked is good again.
  absl::StatusOr<std::string> RestoreOlderState(const std::string& file) {
    Fixture::server_.config().store.accept_older_state = true;
    absl::StatusOr<std::string> report = Restore({.file = file, .audit_export = ""});
    Fixture::server_.config().store.accept_older_state = false;
    return report;
  }

  // Starts on what was restored; whoever has the root key still has it.
  void StartAgain() {
    namespace fs = std::filesystem;
    const std::string root_key = Fixture::server_.data_dir() + "/root.key";
    if (!fs::exists(root_key)) fs::copy_file(OldData() + "/root.key", root_key);
    ASSERT_EQ(Fixture::server_.Start(), absl::OkStatus());
  }

  SystemRandom restore_random_;
  std::vector<std::string> steps_;  // that restores told of

 private:
  static std::string JsonLine(const google::protobuf::Message& message) {
    std::string text;
    google::protobuf::util::JsonPrintOptions options;
    EXPECT_TRUE(google::protobuf::util::MessageToJsonString(message, &text, options).ok());
    return text + "\n";
  }
};

}  // namespace claviger

#endif  // CLAVIGER_TESTS_INTEGRATION_RESTORE_TESTING_H_
