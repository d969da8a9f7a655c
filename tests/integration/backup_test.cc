// Backups over the wire.

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "claviger/v1/admin.grpc.pb.h"
#include "core/backup_decoder.h"
#include "fmt/format.h"
#include "grpcpp/client_context.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/support/channel_arguments.h"
#include "tests/integration/every_call.h"
#include "tests/integration/server_test.h"

namespace claviger {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(30);

// A connection on which a stream takes a few messages ahead of the reader, and no more.
std::shared_ptr<grpc::Channel> SlowChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 1024);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

// A stream whose messages the test reads one by one.
class TestBackup {
 public:
  TestBackup(std::shared_ptr<grpc::Channel> channel, std::string_view key)
      : channel_(std::move(channel)), stub_(v1::Admin::NewStub(channel_)) {
    if (!key.empty()) context_.AddMetadata("authorization", "Bearer " + std::string(key));
    // So that a server that hangs fails the test.
    context_.set_deadline(absl::ToChronoTime(absl::Now() + absl::Minutes(2)));
    stream_ = stub_->Backup(&context_, v1::BackupRequest());
  }
  ~TestBackup() {
    if (!ended_) context_.TryCancel();
    ReadAll();
  }

  // The header; a failure of the test where something else comes.
  v1::BackupHeader ReadHeader() {
    v1::BackupResponse message;
    const bool came = stream_->Read(&message);
    EXPECT_TRUE(came && message.has_header()) << ReadAll().error_message();
    ++headers_;
    return message.header();
  }
  // Reads on to the end.
  grpc::Status ReadAll() {
    v1::BackupResponse message;
    while (!ended_ && stream_->Read(&message)) {
      if (message.has_header()) ++headers_;
      EXPECT_EQ(headers_, 1) << "first, and once";
      bytes_ += message.chunk();
    }
    if (!std::exchange(ended_, true)) status_ = stream_->Finish();
    return status_;
  }
  void Cancel() { context_.TryCancel(); }

  const std::string& bytes() const { return bytes_; }

 private:
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::Admin::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::BackupResponse>> stream_;
  std::string bytes_;
  int headers_ = 0;
  bool ended_ = false;
  grpc::Status status_;
};

class OnlineBackupTest : public ServerTest {
 protected:
  std::unique_ptr<TestBackup> Begin(std::string_view key) {
    return std::make_unique<TestBackup>(server_.NewChannel(grpc::InsecureChannelCredentials()),
                                        key);
  }
  std::unique_ptr<TestBackup> Begin() { return Begin(server_.root_key()); }
  // One that does not end before it is read: it is more than what is on its way unread.
  std::unique_ptr<TestBackup> BeginUnread(std::string_view key) {
    for (int i = 0; i < 200 && !is_large_; ++i) {
      v1::IssueKeyRequest request = NewKey("default");
      for (int n = 0; n < 32; ++n) {
        (*request.mutable_labels())[fmt::format("label{}", n)] = Unlike(60);
      }
      Issue(request);
    }
    is_large_ = true;
    auto backup = std::make_unique<TestBackup>(SlowChannel(server_.grpc_address()), key);
    EXPECT_GT(backup->ReadHeader().size_bytes(), 400'000u);
    EXPECT_TRUE(std::filesystem::exists(CheckpointPath()));
    return backup;
  }
  std::unique_ptr<TestBackup> BeginUnread() { return BeginUnread(server_.root_key()); }
  // Letters that compress badly.
  std::string Unlike(size_t length) {
    std::string text;
    for (; text.size() < length; seed_ = seed_ * 6364136223846793005u + 1442695040888963407u) {
      text += static_cast<char>('a' + (seed_ >> 33) % 26);
    }
    return text;
  }

  std::string CheckpointPath() const { return server_.data_dir() + "/backup"; }
  void ExpectCheckpointGoes() {
    const absl::Time patience = absl::Now() + kPatience;
    while (std::filesystem::exists(CheckpointPath())) {
      ASSERT_LT(absl::Now(), patience) << "the checkpoint is still there";
      std::this_thread::yield();
    }
  }
  // A backup that is taken whole, once the server has heard that the one before is over.
  void ExpectNextIsWhole() {
    const absl::Time patience = absl::Now() + kPatience;
    while (true) {
      const auto backup = Begin();
      const grpc::Status status = backup->ReadAll();
      if (status.ok()) return ExpectWhole(backup->bytes());
      ASSERT_THAT(status, IsError(StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED"));
      ASSERT_LT(absl::Now(), patience);
    }
  }
  static void ExpectWhole(const std::string& bytes) {
    BackupDecoder decoder;
    EXPECT_TRUE(decoder.Add(bytes).ok());
    EXPECT_TRUE(decoder.Finish().ok()) << decoder.Finish();
  }
  // The series of this outcome.
  std::string Ended(const std::string& outcome) {
    const std::string name = fmt::format("claviger_backups_total{{outcome=\"{}\"}} ", outcome);
    const std::string text = server_.HttpGet("/metrics");
    const size_t at = text.find(name);
    if (at == std::string::npos) return "none";
    return text.substr(at + name.size(), text.find('\n', at) - at - name.size());
  }
  // Entries about backups, newest first.
  std::vector<v1::AuditEvent> Entries(bool refused) {
    v1::ListAuditEventsRequest request;
    request.mutable_filter()->add_actions("Backup");
    request.mutable_filter()->set_refused_only(refused);
    const auto page = root().Call(request);
    std::vector<v1::AuditEvent> entries;
    for (const v1::AuditEvent& event : page->events()) {
      if (event.refusal().empty() != refused) entries.push_back(event);
    }
    return entries;
  }

 private:
  bool is_large_ = false;
  uint64_t seed_ = 1;
};

TEST_F(OnlineBackupTest, TheBytesAreAWholeBackupOfWhatTheHeaderSays) {
  for (int i = 0; i < 20; ++i) Issue();
  const uint64_t before = LastChange();
  const auto backup = Begin();
  const v1::BackupHeader header = backup->ReadHeader();
  ASSERT_THAT(backup->ReadAll(), IsOk());
  BackupDecoder decoder;
  ASSERT_TRUE(decoder.Add(backup->bytes()).ok());
  ASSERT_TRUE(decoder.Finish().ok()) << decoder.Finish();
  EXPECT_EQ(header.size_bytes(), backup->bytes().size());
  EXPECT_EQ(header.revision(), before + 1) << "with the entry of the backup itself";
  EXPECT_EQ(header.key_count(), 21u) << "with the root key";
  EXPECT_EQ(header.schema_version(), decoder.header()->schema_version);
  EXPECT_EQ(header.revision(), decoder.header()->head.revision.value);
  EXPECT_EQ(header.audit_hash(), AsBytes(decoder.header()->head.hash));
  EXPECT_EQ(header.epoch(), decoder.header()->epoch.ToHex());
  ASSERT_EQ(header.keys_by_pepper().size(), 1u);
  EXPECT_EQ(header.keys_by_pepper().begin()->second, 21u);
  EXPECT_EQ(ToTime(header.create_time()), server_.clock().Now());
  EXPECT_FALSE(std::filesystem::exists(CheckpointPath()));
}

TEST_F(OnlineBackupTest, IsInTheAuditLogAndTheBackupEndsWithThatEntry) {
  const auto backup = Begin();
  const v1::BackupHeader header = backup->ReadHeader();
  ASSERT_THAT(backup->ReadAll(), IsOk());
  const auto entries = Entries(/*refused=*/false);
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].revision(), header.revision());
  EXPECT_EQ(entries[0].hash(), header.audit_hash());
  EXPECT_EQ(entries[0].actor(), "key:" + server_.root_key().substr(9, 16));
  EXPECT_EQ(entries[0].peer(), "127.0.0.1");
  const std::string metrics = server_.HttpGet("/metrics");
  EXPECT_THAT(metrics, HasSubstr("claviger_audit_entries_total{outcome=\"refusal\"} 0\n"));
  EXPECT_EQ(Ended("completed"), "1");
  EXPECT_THAT(metrics, HasSubstr(fmt::format("claviger_backup_last_success_timestamp_seconds {}",
                                             absl::ToUnixSeconds(server_.clock().Now()))));
  EXPECT_THAT(metrics, HasSubstr(fmt::format("claviger_backup_last_success_bytes {}\n",
                                             backup->bytes().size())));
}

TEST_F(OnlineBackupTest, HasEachChangeThatWasAnsweredBeforeWhileOthersAreMade) {
  std::atomic<uint64_t> answered = 0;
  std::atomic<bool> stop = false;
  std::atomic<int> failed = 0;
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&, caller = root()] {
      while (!stop) {
        const auto issued = caller.Call(NewKey("default"));
        v1::RevokeKeyRequest revoke;
        revoke.set_key_id(issued->info().key_id());
        const auto revoked = caller.Call(revoke);
        if (!issued.ok() || !revoked.ok()) ++failed;
        uint64_t seen = answered;
        const uint64_t revision = revoked->propagation().revision();
        while (seen < revision && !answered.compare_exchange_weak(seen, revision)) continue;
      }
    });
  }
  std::vector<std::pair<uint64_t, std::string>> taken;
  for (int round = 0; round < 8; ++round) {
    while (answered < 10u * static_cast<uint64_t>(round + 1)) std::this_thread::yield();
    const uint64_t before = answered;
    const auto backup = Begin();
    const v1::BackupHeader header = backup->ReadHeader();
    EXPECT_THAT(backup->ReadAll(), IsOk());
    ExpectWhole(backup->bytes());
    EXPECT_GE(header.revision(), before);
    taken.emplace_back(header.revision(), header.audit_hash());
  }
  stop = true;
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(failed, 0);
  // Each is a state that this history had: its hash stands for every entry up to it.
  for (const auto& [revision, hash] : taken) {
    v1::ListAuditEventsRequest request;
    request.set_page_size(1000);
    bool found = false;
    do {
      const auto page = root().Call(request);
      ASSERT_THAT(page, IsOk());
      for (const v1::AuditEvent& event : page->events()) {
        if (event.revision() == revision) {
          EXPECT_EQ(event.hash(), hash);
          found = true;
        }
      }
      request.set_page_token(page->next_page_token());
    } while (!found && !request.page_token().empty());
    EXPECT_TRUE(found) << revision;
  }
}

TEST_F(OnlineBackupTest, WhoMayNotHaveItIsRefusedAndRecorded) {
  const IssuedKey reader = IssueManagementKey(Permissions());
  MakeProject("acme");
  const IssuedKey bound = IssueManagementKey({"settings.manage"}, {"acme"});
  const uint64_t before = LastChange();
  EXPECT_THAT(Begin(reader.key())->ReadAll(),
              IsError(StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"));
  const grpc::Status status = Begin(bound.key())->ReadAll();
  EXPECT_THAT(status, IsError(StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"));
  EXPECT_THAT(status.error_message(), HasSubstr("bound to projects"));
  EXPECT_THAT(Begin("")->ReadAll(), IsError(StatusCode::UNAUTHENTICATED, "CREDENTIAL_MISSING"));
  EXPECT_EQ(LastChange(), before) << "none was begun";
  Issue();  // behind which those entries stand
  const auto refused = Entries(/*refused=*/true);
  ASSERT_EQ(refused.size(), 3u);
  EXPECT_EQ(refused[0].actor(), "unknown");
  EXPECT_EQ(refused[1].actor(), "key:" + bound.info().key_id());
  EXPECT_EQ(refused[2].actor(), "key:" + reader.info().key_id());
}

TEST_F(OnlineBackupTest, ARequestWithAFieldThatNobodyKnowsIsRefused) {
  const auto answer = root().CallBytes("/claviger.v1.Admin/Backup", "\x08\x01");
  EXPECT_THAT(answer.status, IsError(StatusCode::INVALID_ARGUMENT, "UNKNOWN_FIELD"));
}

TEST_F(OnlineBackupTest, ThereIsOneAtATime) {
  const auto first = BeginUnread();
  const grpc::Status second = Begin()->ReadAll();
  EXPECT_THAT(second, IsError(StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED"));
  EXPECT_THAT(second.error_details(), HasSubstr("google.rpc.RetryInfo"));
  EXPECT_THAT(first->ReadAll(), IsOk());
  ExpectWhole(first->bytes());
  EXPECT_THAT(Begin()->ReadAll(), IsOk()) << "as soon as the first is done";
  EXPECT_EQ(Entries(/*refused=*/false).size(), 2u);
}

TEST_F(OnlineBackupTest, ChecksAndChangesGoOnWhileOneIsUnderWay) {
  const IssuedKey key = Issue();
  const auto backup = BeginUnread();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(CodeOf(key.key()), v1::VERIFY_CODE_VALID);
  Revoke(key.info().key_id());
  EXPECT_EQ(CodeOf(key.key()), v1::VERIFY_CODE_REVOKED);
  EXPECT_THAT(backup->ReadAll(), IsOk());
}

TEST_F(OnlineBackupTest, OneWhoseCallerGoesAwayLeavesNothing) {
  {
    const auto backup = BeginUnread();
    backup->Cancel();
    EXPECT_EQ(backup->ReadAll().error_code(), StatusCode::CANCELLED);
  }
  ExpectCheckpointGoes();
  ExpectNextIsWhole();
  EXPECT_EQ(Ended("cut_off"), "1");
  EXPECT_EQ(Ended("failed"), "0");
}

TEST_F(OnlineBackupTest, WhoReadsNothingForAMinuteIsCutOff) {
  const auto backup = BeginUnread();
  // What is on its way unread has to fill first.
  const absl::Time patience = absl::Now() + kPatience;
  while (Ended("cut_off") == "0") {
    ASSERT_LT(absl::Now(), patience);
    server_.clock().Advance(absl::Seconds(62));
  }
  ExpectCheckpointGoes();
  EXPECT_FALSE(backup->ReadAll().ok());
  ExpectNextIsWhole();
  EXPECT_EQ(Ended("cut_off"), "1");
}

TEST_F(OnlineBackupTest, WhoLosesThePermissionGetsNoMore) {
  const IssuedKey admin = IssueManagementKey({"settings.manage"});
  const auto backup = BeginUnread(admin.key());
  Revoke(admin.info().key_id());
  server_.clock().Advance(absl::Seconds(2));
  ExpectCheckpointGoes();
  EXPECT_THAT(backup->ReadAll(), IsError(StatusCode::UNAUTHENTICATED, "CREDENTIAL_INVALID"));
  ExpectNextIsWhole();
}

TEST_F(OnlineBackupTest, EndsWithTheServer) {
  const auto backup = BeginUnread();
  std::thread stopping([&] { server_.Stop(); });
  ExpectCheckpointGoes();
  EXPECT_THAT(backup->ReadAll(), IsError(StatusCode::UNAVAILABLE, "SHUTTING_DOWN"));
  stopping.join();
  EXPECT_FALSE(std::filesystem::exists(CheckpointPath()));
  ASSERT_TRUE(server_.Start().ok());
  ExpectNextIsWhole();
}

TEST_F(OnlineBackupTest, EndsWithTheServerThoughNobodyReads) {
  server_.Stop();
  server_.config().drain_timeout = absl::Milliseconds(100);
  ASSERT_TRUE(server_.Start().ok());
  const auto backup = BeginUnread();
  server_.Stop();
  EXPECT_FALSE(std::filesystem::exists(CheckpointPath()));
  EXPECT_FALSE(backup->ReadAll().ok());
  ASSERT_TRUE(server_.Start().ok());
  ExpectNextIsWhole();
}

}  // namespace
}  // namespace claviger
