// A server that lives long: what comes and goes must leave nothing behind.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "claviger/v1/admin.grpc.pb.h"
#include "claviger/v1/audit.grpc.pb.h"
#include "core/file_descriptor.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "grpcpp/create_channel.h"
#include "gtest/gtest.h"
#include "tests/support/clavigerd_process.h"
#include "tests/support/interrupt.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_caller.h"
#include "tests/support/test_verifier.h"

namespace claviger {
namespace {

// Until what is made once is there: threads, pools, what the allocator keeps of each thread. Memory
// rises for some ten rounds, and then by 10 KiB a round, which is what the store has of refusals.
constexpr int kFirstRounds = 15;
constexpr int kRounds = 60;
// Of two rounds together within the audit streams that one caller may have: the server hears a
// moment late that those of the last round are gone.
constexpr int kConnections = 15;
constexpr int kCallsEach = 25;
// gRPC's pollers come and go by themselves.
constexpr size_t kMoreFiles = 2;
constexpr size_t kMoreThreads = 4;
// Over all rounds this is 4 KiB for a connection: far less than what gRPC holds of one.
constexpr size_t kMoreBytes = size_t{4} << 20;
constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr absl::Duration kLook = absl::Milliseconds(20);

struct Level {
  size_t files = 0;  // descriptors, without those of tables
  size_t threads = 0;
  size_t bytes = 0;
};

std::ostream& operator<<(std::ostream& out, const Level& level) {
  return out << fmt::format("{} descriptors, {} threads, {} KiB", level.files, level.threads,
                            level.bytes >> 10);
}

class LevelsTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<ClavigerdProcess>> server =
        ClavigerdProcess::Start({.program = CLAVIGERD_PROGRAM,
                                 .data_dir = dir_.Join("data"),
                                 .log_file = dir_.Join("log"),
                                 .flags = {"--lease", "1s"}});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    key_ = server_->authorization().substr(std::string_view("Bearer ").size());
    before_ = Now();
  }

  std::shared_ptr<grpc::Channel> Connect() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(server_->address(), grpc::InsecureChannelCredentials(),
                                     arguments);
  }

  Level Now() const {
    // Backups make tables, which the store merges by and by.
    const std::vector<std::string> files = server_->process().OpenFiles();
    const auto tables = std::count_if(files.begin(), files.end(), [](const std::string& file) {
      return file.find(".sst") != std::string::npos;
    });
    return {.files = files.size() - static_cast<size_t>(tables),
            .threads = server_->process().Threads(),
            .bytes = server_->process().ResidentBytes()};
  }

  // What is left once no more goes; the last one where that takes too long.
  Level AwaitLevel(const Level& most) const {
    const absl::Time deadline = absl::Now() + kPatience;
    Level now = Now();
    while (absl::Now() < deadline &&
           (now.files > most.files + kMoreFiles || now.threads > most.threads + kMoreThreads ||
            now.bytes > most.bytes + kMoreBytes)) {
      EXPECT_TRUE(WaitUnlessInterrupted(kLook).ok());
      now = Now();
    }
    return now;
  }

  // A connection that says nothing that is of any use, and ends in the midst of it.
  void ConnectAndStammer(std::string_view words) const {
    const std::string& address = server_->address();
    const size_t colon = address.rfind(':');
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(std::atoi(address.c_str() + colon + 1)));
    inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
    const FileDescriptor fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    ASSERT_EQ(write(fd.get(), words.data(), words.size()), static_cast<ssize_t>(words.size()));
  }

  // A backup to its end, and one that is cut off.
  void BackUpTwice() const {
    const auto stub = v1::Admin::NewStub(Connect());
    for (const bool whole : {true, false}) {
      grpc::ClientContext context;
      context.AddMetadata("authorization", "Bearer " + key_);
      const auto stream = stub->Backup(&context, {});
      v1::BackupResponse part;
      ASSERT_TRUE(stream->Read(&part)) << stream->Finish().error_message();
      if (!whole) context.TryCancel();
      while (stream->Read(&part)) {
      }
      const grpc::Status ended = stream->Finish();
      if (whole) {
        ASSERT_TRUE(ended.ok()) << ended.error_message();
      }
    }
  }

  // Calls on many connections at once, streams that are cut, and connections that are none.
  void Round(int round) const {
    ASSERT_NO_FATAL_FAILURE(BackUpTwice());
    std::vector<std::shared_ptr<grpc::Channel>> channels;
    std::vector<std::unique_ptr<TestVerifier>> verifiers;
    std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
    std::vector<std::unique_ptr<grpc::ClientReader<v1::WatchAuditEventsResponse>>> watches;
    for (int i = 0; i < kConnections; ++i) {
      channels.push_back(Connect());
      const TestCaller root(channels.back(), key_);
      v1::VerifyRequest verify;
      verify.set_key(key_);
      for (int call = 0; call < kCallsEach; ++call) ASSERT_THAT(root.Call(verify), IsOk());

      verifiers.push_back(std::make_unique<TestVerifier>(channels.back(), key_));
      const auto welcome = verifiers.back()->SayHello(fmt::format("r{}v{}", round, i));
      ASSERT_TRUE(welcome.has_value());
      ASSERT_TRUE(verifiers.back()->GetLease(welcome->head_revision()));

      contexts.push_back(std::make_unique<grpc::ClientContext>());
      contexts.back()->AddMetadata("authorization", "Bearer " + key_);
      watches.push_back(
          v1::AuditLog::NewStub(channels.back())->WatchAuditEvents(contexts.back().get(), {}));
      v1::WatchAuditEventsResponse event;
      ASSERT_TRUE(watches.back()->Read(&event));
      ConnectAndStammer(i % 2 == 0 ? "PRI * HTTP/2.0\r\n\r\nSM" : "GET / HTTP/1.1\r\n\r\n");
    }
    ASSERT_GE(Now().files, before_.files + kConnections)
        << "nothing was held open: this shows nothing";
    for (const auto& context : contexts) context->TryCancel();
    for (const auto& watch : watches) {
      v1::WatchAuditEventsResponse event;
      while (watch->Read(&event)) {
      }
      EXPECT_FALSE(watch->Finish().ok());
    }
  }

  const TempDir dir_;
  std::unique_ptr<ClavigerdProcess> server_;
  std::string key_;
  Level before_;  // any load
};

TEST_F(LevelsTest, DescriptorsThreadsAndMemoryComeBackWhenTheLoadGoes) {
  const Level idle{.files = before_.files, .threads = SIZE_MAX / 2, .bytes = SIZE_MAX / 2};
  Level first;
  for (int round = 1; round <= kFirstRounds; ++round) {
    ASSERT_NO_FATAL_FAILURE(Round(round));
    first = AwaitLevel(idle);
    ASSERT_LE(first.files, before_.files + kMoreFiles) << "after round " << round;
  }
  for (int round = 1; round <= kRounds; ++round) {
    ASSERT_NO_FATAL_FAILURE(Round(kFirstRounds + round));
    AwaitLevel(idle);
  }
  const Level last = AwaitLevel(first);
  std::cout << "levels: at first " << before_ << "; after " << kFirstRounds << " rounds " << first
            << "; after " << kRounds << " more " << last << std::endl;
  EXPECT_LE(last.files, first.files + kMoreFiles);
  EXPECT_LE(last.threads, first.threads + kMoreThreads);
  EXPECT_LE(last.bytes, first.bytes + kMoreBytes);
}

}  // namespace
}  // namespace claviger
