// Starting and starting again: what is kept, and what is refused with words that help.

#include <filesystem>

#include "core/digest.h"
#include "core/key_format.h"
#include "google/protobuf/util/message_differencer.h"
#include "tests/integration/server_test.h"

namespace claviger {
namespace {

using ::google::protobuf::util::MessageDifferencer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
std::string NewPepperLine(const std::string& id) {
  SystemRandom random;
  return std::string(PepperSet::GenerateLine(id, random)->ExposeSecret());
}

class StartTest : public ServerTest {
 protected:
  std::string pepper_file() { return server_.config().callers.pepper_file.string(); }

  // The message that the next start fails with.
  std::string StartError() {
    const absl::Status status = server_.Start();
    EXPECT_FALSE(status.ok());
    return std::string(status.message());
  }
};

TEST_F(StartTest, ARestartKeepsEverything) {
  MakeProject("shop", {"a", "b"});
  const IssuedKey active = Issue("shop", {"a"});
  const IssuedKey disabled = Issue("shop", {"a"});
  const IssuedKey revoked = Issue("shop", {"a"});
  Disable(disabled.info().key_id());
  Revoke(revoked.info().key_id());
  const auto everything = [&] {
    v1::ListKeysRequest keys;
    keys.set_include_total_size(true);
    v1::ListKeysResponse listed = *root().Call(keys);
    for (v1::Key& key : *listed.mutable_keys()) {
      // Told some seconds after the use, or after a restart.
      key.clear_last_used_time();
      key.clear_last_used_address();
      key.clear_last_used_by();
    }
    return Strings{listed.DebugString(), root().Call(v1::ListProjectsRequest())->DebugString(),
                   Verify(CheckOf(active.key(), {"a"})).DebugString(),
                   Verify(CheckOf(disabled.key())).DebugString(),
                   Verify(CheckOf(revoked.key())).DebugString()};
  };
  const Strings before = everything();
  Restart();
  EXPECT_EQ(everything(), before);
  EXPECT_EQ(CodeOf(active.key()), v1::VERIFY_CODE_VALID);
  EXPECT_EQ(CodeOf(disabled.key()), v1::VERIFY_CODE_DISABLED);
  EXPECT_EQ(CodeOf(revoked.key()), v1::VERIFY_CODE_REVOKED);
}

TEST_F(StartTest, TheRootKeyIsMadeOnceAndForItsOwnerOnly) {
  const std::string file = server_.data_dir() + "/root.key";
  EXPECT_TRUE(ParseKey(server_.root_key()).has_value());
  EXPECT_EQ(std::filesystem::status(file).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  const std::string first = server_.root_key();
  const auto before = Written();
  Restart();
  EXPECT_EQ(server_.root_key(), first);
  EXPECT_EQ(Written(), before);
}

TEST_F(StartTest, ARootKeyFileThatWasTakenAwayIsNotMadeAgain) {
  const std::string key = server_.root_key();
  server_.Stop();
  const std::string file = server_.data_dir() + "/root.key";
  std::filesystem::rename(file, server_.dir().Join("taken.key"));
  server_.dir().Write("data/root.key", "not a key");
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  EXPECT_EQ(ReadFile(file), "not a key");
  EXPECT_THAT(server_.As(key).Call(v1::ListKeysRequest()), IsOk());
}

TEST_F(StartTest, TheFirstStartSaysWhereTheRootKeyIsAndNotWhatItIs) {
  bool said = false;
  for (const std::string& line : TestServer::LogLines()) {
    said = said || line.find(server_.data_dir() + "/root.key") != std::string::npos;
    EXPECT_THAT(line, Not(HasSubstr(server_.root_key())));
  }
  EXPECT_TRUE(said);
}

TEST_F(StartTest, AChangedPepperRefusesToStartAndIsNamed) {
  server_.Stop();
  server_.dir().Write("data/pepper", NewPepperLine("p1"));
  EXPECT_THAT(StartError(),
              AllOf(HasSubstr("other bytes than before [p1]"), Not(HasSubstr("missing"))));
}

TEST_F(StartTest, AMissingPepperRefusesToStartAndIsNamed) {
  server_.Stop();
  const std::string good = ReadFile(pepper_file());
  server_.dir().Write("data/pepper", NewPepperLine("p2"));
  EXPECT_THAT(StartError(), HasSubstr("missing [p1 ("));
  server_.dir().Write("data/pepper", good);
  EXPECT_EQ(server_.Start(), absl::OkStatus());
}

TEST_F(StartTest, ALostPepperFileIsNotReplacedByANewOne) {
  server_.Stop();
  std::filesystem::remove(pepper_file());
  EXPECT_THAT(StartError(), HasSubstr(pepper_file()));
  EXPECT_FALSE(std::filesystem::exists(pepper_file())) << "in dev mode, too";
}

TEST_F(StartTest, ANewPepperWritesAndTheOldOneIsStillRead) {
  const IssuedKey old = Issue();
  server_.Stop();
  const std::string first = ReadFile(pepper_file());
  server_.dir().Write("data/pepper", NewPepperLine("p2") + first);
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  const IssuedKey newer = Issue();
  EXPECT_EQ(CodeOf(old.key()), v1::VERIFY_CODE_VALID);
  EXPECT_EQ(CodeOf(newer.key()), v1::VERIFY_CODE_VALID);
  server_.Stop();
  server_.dir().Write("data/pepper", first);
  EXPECT_THAT(StartError(), HasSubstr("missing [p2 ("));
}

TEST_F(StartTest, APepperFileForOthersToReadIsRefused) {
  server_.Stop();
  std::filesystem::permissions(pepper_file(), std::filesystem::perms(0640));
  EXPECT_THAT(StartError(), AllOf(HasSubstr(pepper_file()), HasSubstr("0600")));
}

TEST_F(StartTest, APepperFileThatIsNoneIsNamed) {
  server_.Stop();
  server_.dir().Write("data/pepper", "p1:c2hvcnQ=\n");
  EXPECT_THAT(StartError(), AllOf(HasSubstr(pepper_file()), HasSubstr("32")));
}

TEST_F(StartTest, ASecondServerOnTheSameDataIsRefused) {
  TestServer second;
  second.config().store.data_dir = server_.data_dir();
  second.config().callers.pepper_file = pepper_file();
  const absl::Status status = second.Start();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr(server_.data_dir()));
  EXPECT_EQ(Verify(CheckOf("x")).code(), v1::VERIFY_CODE_NOT_FOUND);
}

TEST_F(StartTest, ASecondServerOnTheSamePortIsRefused) {
  TestServer second;
  second.config().listen.grpc = *ListenAddress::Parse(server_.grpc_address());
  const absl::Status status = second.Start();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("--listen"), HasSubstr(server_.grpc_address())));
}

TEST_F(StartTest, ASecondServerOnTheSameHttpPortIsRefused) {
  TestServer second;
  second.config().listen.http = ListenAddress::Parse(server_.http_address());
  const absl::Status status = second.Start();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr(server_.http_address()));
}

TEST_F(StartTest, AfterAFailedStartTheNextOneIsGood) {
  server_.Stop();
  const std::string good = ReadFile(pepper_file());
  for (int i = 0; i < 3; ++i) {
    server_.dir().Write("data/pepper", NewPepperLine("p2"));
    StartError();
  }
  server_.dir().Write("data/pepper", good);
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  EXPECT_THAT(root().Call(v1::ListKeysRequest()), IsOk());
}

TEST_F(StartTest, PlaintextIsForLoopbackOnly) {
  TestServer open;
  for (const std::string address : {"0.0.0.0:0", "[::]:0", "192.0.2.1:0"}) {
    open.config().listen.grpc = *ListenAddress::Parse(address);
    const absl::Status status = open.Start();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << address;
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("listen"), HasSubstr(address)));
  }
}

TEST_F(StartTest, AUnixSocketIsServed) {
  TestServer local;
  local.config().listen.grpc = *ListenAddress::Parse("unix:" + local.dir().Join("socket"));
  ASSERT_EQ(local.Start(), absl::OkStatus());
  EXPECT_THAT(local.Root().Call(v1::ListKeysRequest()), IsOk());
}

TEST_F(StartTest, AnUnreadableCallerMapRefusesToStart) {
  server_.Stop();
  server_.config().callers.caller_map = server_.dir().Write("callers.json", "{");
  EXPECT_THAT(StartError(), HasSubstr("callers.json"));
}

}  // namespace
}  // namespace claviger
