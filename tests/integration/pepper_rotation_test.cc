// From one pepper to the next, with checks going on all the time.

#include <atomic>
#include <fstream>
#include <map>
#include <thread>

#include "core/platform/system_random.h"
#include "server/config/pepper_file.h"
#include "tests/integration/server_test.h"

namespace claviger {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class PepperRotationTest : public ServerTest {
 protected:
  std::string pepper_file() const { return server_.data_dir() + "/pepper"; }

  void AddFirst(const std::string& id) {
    SystemRandom random;
    ASSERT_EQ(AddPepper(pepper_file(), id, random), absl::OkStatus());
  }
  // Takes the line of a pepper out of the file.
  void Remove(const std::string& id) {
    std::string kept;
    std::istringstream lines(ReadFile(pepper_file()));
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with(id + ":")) kept += line + "\n";
    }
    std::ofstream(pepper_file(), std::ios::trunc) << kept;
  }

  // How many keys /metrics says need the pepper, after the gauges were made anew; -1: none said.
  int KeysOn(const std::string& pepper) {
    server_.Reload();
    const std::string name = "claviger_keys_by_pepper{pepper=\"" + pepper + "\"} ";
    const std::string metrics = server_.HttpGet("/metrics");
    const size_t at = metrics.find(name);
    return at == std::string::npos ? -1 : std::atoi(metrics.c_str() + at + name.size());
  }
  // Waits for the gauges' thread.
  void AwaitKeysOn(const std::string& pepper, int wanted) {
    int keys = -1;
    for (int i = 0; i < 1000 && (keys = KeysOn(pepper)) != wanted; ++i) std::this_thread::yield();
    EXPECT_EQ(keys, wanted) << pepper;
  }

  // The log lines since the start of the test that have `text` in them.
  static std::vector<std::string> Logged(const std::string& text) {
    std::vector<std::string> found;
    for (std::string& line : TestServer::LogLines()) {
      if (line.find(text) != std::string::npos) found.push_back(std::move(line));
    }
    return found;
  }
};

// Checks a key from a thread of its own until it is destroyed.
class SteadyChecker {
 public:
  SteadyChecker(std::string address, std::string root_key, std::vector<std::string> keys)
      : thread_([this, address = std::move(address), root_key = std::move(root_key),
                 keys = std::move(keys)] { Run(address, root_key, keys); }) {}
  ~SteadyChecker() { Stop(); }

  void Stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  int valid() const { return valid_; }
  int denied() const { return denied_; }

 private:
  void Run(const std::string& address, const std::string& root_key,
           const std::vector<std::string>& keys) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 50);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const TestCaller caller(
        grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments),
        root_key);
    for (size_t i = 0; !stopping_; ++i) {
      v1::VerifyRequest request;
      request.set_key(keys[i % keys.size()]);
      const auto answer = caller.Call(request);
      if (answer.ok()) {
        ++(answer->valid() ? valid_ : denied_);
      } else if (answer.status.error_code() != StatusCode::UNAVAILABLE &&
                 answer.status.error_code() != StatusCode::CANCELLED) {
        // Those two are what a call gets that the restart cut off; nothing else may come of it.
        ADD_FAILURE() << answer.status.error_code() << " " << answer.status.error_message();
        ++denied_;
      } else {
        std::this_thread::yield();
      }
    }
  }

  std::atomic<bool> stopping_{false};
  std::atomic<int> valid_{0};
  std::atomic<int> denied_{0};
  std::thread thread_;
};

TEST_F(PepperRotationTest, KeysVerifyAllTheWayAndTheOldPepperGoes) {
  std::vector<std::string> keys;
  for (int i = 0; i < 200; ++i) keys.push_back(Issue().key());
  AwaitKeysOn("p1", 201);  // with the root key
  // On the same port after a restart, so that the checkers find it again.
  server_.config().listen.grpc = *ListenAddress::Parse(server_.grpc_address());

  std::vector<std::unique_ptr<SteadyChecker>> checkers;
  for (int i = 0; i < 3; ++i) {
    checkers.push_back(
        std::make_unique<SteadyChecker>(server_.grpc_address(), server_.root_key(), keys));
  }
  const auto each_went_on = [&checkers] {
    for (const auto& checker : checkers) {
      const int before = checker->valid();
      while (checker->valid() < before + 500 && checker->denied() == 0) std::this_thread::yield();
    }
  };
  each_went_on();
  AddFirst("p2");
  Restart();
  each_went_on();
  AwaitKeysOn("p1", 0);
  EXPECT_EQ(KeysOn("p2"), 201);

  Remove("p1");
  Restart();
  each_went_on();
  for (const auto& checker : checkers) {
    checker->Stop();
    EXPECT_EQ(checker->denied(), 0);
  }
  for (const std::string& key : keys) EXPECT_EQ(CodeOf(key), v1::VERIFY_CODE_VALID);
  EXPECT_EQ(KeysOn("p1"), -1);
}

TEST_F(PepperRotationTest, APepperThatAKeyNeedsMustStay) {
  const IssuedKey unused = Issue();
  AddFirst("p2");
  Restart();
  ASSERT_THAT(root().Call(v1::ListProjectsRequest()), IsOk());  // the root key goes to p2
  AwaitKeysOn("p1", 1);
  EXPECT_THAT(Logged("keys need an older pepper"), Contains(HasSubstr("p1")));
  const std::string with_p1 = ReadFile(pepper_file());
  Remove("p1");
  server_.Stop();
  const absl::Status refused = server_.Start();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("missing [p1 (1 keys need it)]"));

  // Revoked it will never verify again, and so it needs nothing.
  std::ofstream(pepper_file(), std::ios::trunc) << with_p1;
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  Revoke(unused.info().key_id());
  AwaitKeysOn("p1", 0);
  EXPECT_FALSE(Logged("no key needs this older pepper any more").empty());
  Remove("p1");
  Restart();
  EXPECT_EQ(CodeOf(unused.key()), v1::VERIFY_CODE_NOT_FOUND);
  EXPECT_EQ(Get(unused.info().key_id()).state(), v1::KEY_STATE_REVOKED);
}

TEST_F(PepperRotationTest, ARevokedImportedKeyKeepsItsPepperSoThatItIsKnownWhenImportedAgain) {
  v1::ImportKeysRequest import;
  import.set_project_id("default");
  v1::ImportedKey& row = *import.add_keys();
  row.set_sha256(std::string(64, 'a'));
  row.set_display_name("an old key");
  const auto imported = root().Call(import);
  ASSERT_THAT(imported, IsOk());
  Revoke(imported->results(0).key_id());
  AddFirst("p2");
  Restart();
  ASSERT_THAT(root().Call(v1::ListProjectsRequest()), IsOk());  // the root key goes to p2
  AwaitKeysOn("p1", 1);
  const auto again = root().Call(import);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->imported_count(), 0);
  EXPECT_EQ(again->results(0).key_id(), imported->results(0).key_id());
  Remove("p1");
  server_.Stop();
  EXPECT_THAT(std::string(server_.Start().message()), HasSubstr("missing [p1 (1 keys need it)]"));
}

TEST_F(PepperRotationTest, AnAnswerThatIsKeptForARetryIsGivenAgainAfterTheRotation) {
  v1::IssueKeyRequest request = NewKey();
  request.set_request_id("6a1f0b0e-2f4e-4a53-9a4b-0d5f8a1c7e11");
  const IssuedKey issued = Issue(request);
  AddFirst("p2");
  Restart();
  EXPECT_EQ(Issue(request).key(), issued.key());
  EXPECT_EQ(CodeOf(issued.key()), v1::VERIFY_CODE_VALID);
  AwaitKeysOn("p1", 0);
  // Sealed under a key that comes from p1.
  const std::string with_p1 = ReadFile(pepper_file());
  Remove("p1");
  server_.Stop();
  EXPECT_THAT(std::string(server_.Start().message()), HasSubstr("1 answers kept for retries"));
  server_.clock().Advance(absl::Minutes(10));
  EXPECT_EQ(server_.Start(), absl::OkStatus());
}

TEST_F(PepperRotationTest, AReloadSaysThatAChangedFileNeedsARestart) {
  const size_t before = Logged("a changed pepper file needs a restart").size();
  server_.Reload();
  EXPECT_EQ(Logged("a changed pepper file needs a restart").size(), before);
  AddFirst("p2");
  server_.Reload();
  EXPECT_EQ(Logged("a changed pepper file needs a restart").size(), before + 1);
}

TEST_F(PepperRotationTest, NothingElseOfAKeyChanges) {
  // What is new of a key is its revision, and nothing that a verifier or an operator sees.
  const IssuedKey issued = Issue();
  AddFirst("p2");
  Restart();
  const v1::Key before = Get(issued.info().key_id());
  EXPECT_EQ(CodeOf(issued.key()), v1::VERIFY_CODE_VALID);
  AwaitKeysOn("p1", 0);
  v1::Key after = Get(issued.info().key_id());
  EXPECT_GT(after.revision(), before.revision());
  after.set_revision(before.revision());
  EXPECT_EQ(after.SerializeAsString(), before.SerializeAsString());
}

}  // namespace
}  // namespace claviger
