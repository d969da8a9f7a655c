#include "tests/crash/server_folder.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "core/platform/system_clock.h"
#include "core/platform/system_random.h"
#include "fmt/format.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "storage/rocksdb/rocksdb_store.h"
#include "tests/support/interrupt.h"

namespace claviger::crash {
namespace {

constexpr size_t kLogsKept = 4;
constexpr absl::Duration kCallTimeout = absl::Seconds(60);
constexpr std::string_view kBearer = "Bearer ";

absl::Status Copy(const std::string& from, const std::string& to) {
  std::error_code error;
  std::filesystem::remove_all(to, error);
  if (!error) {
    std::filesystem::copy(from, to, std::filesystem::copy_options::recursive, error);
  }
  if (!error) return absl::OkStatus();
  return absl::InternalError(fmt::format("cannot copy {} to {}: {}", from, to, error.message()));
}

}  // namespace

ClavigerdProcess::Options ServerFolder::NewOptions() {
  log_files_.push_back(fmt::format("{}/clavigerd-{}.log", folder_, ++launches_));
  if (log_files_.size() > kLogsKept) {
    std::filesystem::remove(log_files_.front());
    log_files_.erase(log_files_.begin());
  }
  return {.program = program_,
          .data_dir = data_dir(),
          .log_file = log_files_.back(),
          .http_listen = "off"};
}

absl::Status ServerFolder::Start() {
  const absl::Duration begun = clock_.SinceBoot();
  absl::StatusOr<std::unique_ptr<ClavigerdProcess>> server = ClavigerdProcess::Start(NewOptions());
  if (!server.ok()) return server.status();
  server_ = *std::move(server);
  starts_.push_back(clock_.SinceBoot() - begun);
  root_key_ = server_->authorization().substr(kBearer.size());
  return absl::OkStatus();
}

absl::Status ServerFolder::KillWhileStarting(absl::Duration delay) {
  absl::StatusOr<std::unique_ptr<ChildProcess>> process = ClavigerdProcess::Launch(NewOptions());
  if (!process.ok()) return process.status();
  if (absl::Status s = WaitUnlessInterrupted(delay); !s.ok()) return s;
  return (*process)->Kill();
}

absl::Status ServerFolder::Kill() { return std::exchange(server_, nullptr)->process().Kill(); }

absl::Status ServerFolder::KillWhileStopping(absl::Duration delay) {
  const std::unique_ptr<ClavigerdProcess> server = std::exchange(server_, nullptr);
  if (absl::Status s = server->process().Signal(SIGTERM); !s.ok()) return s;
  const absl::Status ended = server->process().Wait(delay);
  if (!absl::IsDeadlineExceeded(ended)) return ended;
  const absl::Status killed = server->process().Kill();
  // It was quicker.
  return absl::IsFailedPrecondition(killed) ? absl::OkStatus() : killed;
}

TestCaller ServerFolder::Connect() const {
  grpc::ChannelArguments arguments;
  // The next server may be at the same port: nothing of this one's is to be found there.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(-1);
  const auto channel =
      grpc::CreateCustomChannel(server_->address(), grpc::InsecureChannelCredentials(), arguments);
  return TestCaller(channel, root_key_).WithDeadline(kCallTimeout);
}

std::string ServerFolder::root_key_id() const {
  // prefix_environment_id_secret
  const size_t environment = root_key_.find('_') + 1;
  const size_t id = root_key_.find('_', environment) + 1;
  return root_key_.substr(id, root_key_.find('_', id) - id);
}

absl::StatusOr<Revision> ServerFolder::VerifyCopy() const {
  const std::string copy = folder_ + "/copy";
  if (absl::Status s = Copy(data_dir(), copy); !s.ok()) return s;
  static SystemRandom random;
  RocksDbStoreOptions options;
  options.data_dir = copy;
  options.clock = &clock_;
  options.random = &random;
  absl::StatusOr<std::unique_ptr<RocksDbStore>> store = RocksDbStore::Open(options);
  if (!store.ok()) return store.status();
  const absl::StatusOr<AuditHead> head = (*store)->VerifyAudit();
  if (!head.ok()) return head.status();
  if (head->revision != (*store)->applied_revision()) {
    return absl::DataLossError("the audit log of the store ends at another revision than it");
  }
  return head->revision;
}

absl::Status ServerFolder::Save() const { return Copy(data_dir(), folder_ + "/saved"); }
absl::Status ServerFolder::PutBack() const { return Copy(folder_ + "/saved", data_dir()); }

std::string ServerFolder::Logs() const {
  std::string logs;
  for (const std::string& path : log_files_) {
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    // A server that ends well after a load has nothing to say that helps.
    constexpr size_t kTail = 4000;
    logs +=
        fmt::format("--- {}\n{}\n", path, text.substr(text.size() - std::min(text.size(), kTail)));
  }
  return logs;
}

}  // namespace claviger::crash
