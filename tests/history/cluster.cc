#include "tests/history/cluster.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/time/time.h"
#include "fmt/format.h"
#include "tests/history/checking_client.h"

namespace claviger::history {
namespace {

// The shortest there is: more leases come and go in a run.
constexpr std::string_view kLease = "1s";
constexpr absl::Duration kEndTimeout = absl::Seconds(20);
constexpr size_t kLogTail = 4000;

}  // namespace

absl::StatusOr<std::unique_ptr<Cluster>> Cluster::Start(Options options, const Clock& clock) {
  absl::StatusOr<std::unique_ptr<ReservedPort>> port = ReservedPort::Reserve();
  if (!port.ok()) return port.status();
  const uint16_t server_port = (*port)->number();
  auto cluster = std::unique_ptr<Cluster>(new Cluster(std::move(options), *std::move(port)));
  if (absl::Status s = cluster->StartServer(); !s.ok()) return s;
  cluster->clients_.resize(cluster->options_.clients);
  for (uint32_t client = 0; client < cluster->options_.clients; ++client) {
    absl::StatusOr<std::unique_ptr<TcpProxy>> proxy = TcpProxy::Start(server_port, clock);
    if (!proxy.ok()) return proxy.status();
    cluster->proxies_.push_back(*std::move(proxy));
    if (absl::Status s = cluster->StartClient(client); !s.ok()) return s;
  }
  return cluster;
}

absl::Status Cluster::StartServer() {
  absl::StatusOr<std::unique_ptr<ClavigerdProcess>> server =
      ClavigerdProcess::Start({.program = options_.server_program,
                               .data_dir = options_.folder + "/data",
                               .log_file = NewLogFile("clavigerd"),
                               .listen = fmt::format("127.0.0.1:{}", server_port_->number()),
                               .http_listen = "off",
                               .flags = {"--lease", std::string(kLease)}});
  if (!server.ok()) return server.status();
  server_ = *std::move(server);
  return absl::OkStatus();
}

absl::Status Cluster::StartClient(uint32_t client) {
  ChildProcess::Command command;
  command.argv = {options_.self, std::string(kCheckingClientRole)};
  const std::vector<std::string> arguments =
      ToArguments({.record_file = options_.record_file,
                   .endpoint = fmt::format("127.0.0.1:{}", proxies_[client]->port()),
                   .key_file = options_.folder + "/data/root.key",
                   .process = client,
                   .seed = options_.seed + (++starts_ << 32)});
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  command.output_file = NewLogFile(fmt::format("client-{}", client));
  absl::StatusOr<std::unique_ptr<ChildProcess>> process = ChildProcess::Start(command);
  if (!process.ok()) return process.status();
  clients_[client] = *std::move(process);
  return absl::OkStatus();
}

absl::Status Cluster::AwaitClients() {
  for (const std::unique_ptr<ChildProcess>& client : clients_) {
    if (absl::Status s = client->Wait(kEndTimeout); !s.ok()) return s;
  }
  return absl::OkStatus();
}

std::string Cluster::Logs() const {
  std::string logs;
  for (const std::string& path : log_files_) {
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (text.empty()) continue;
    logs += fmt::format("--- {}\n{}\n", path,
                        text.substr(text.size() - std::min(text.size(), kLogTail)));
  }
  return logs;
}

std::string Cluster::NewLogFile(const std::string& name) {
  log_files_.push_back(fmt::format("{}/{}-{}.log", options_.folder, name, log_files_.size()));
  return log_files_.back();
}

}  // namespace claviger::history
