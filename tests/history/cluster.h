// The processes of a run: a server, and verifying processes that reach it through a proxy each.
#ifndef CLAVIGER_TESTS_HISTORY_CLUSTER_H_
#define CLAVIGER_TESTS_HISTORY_CLUSTER_H_

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/clock.h"
#include "tests/support/child_process.h"
#include "tests/support/clavigerd_process.h"
#include "tests/support/reserved_port.h"
#include "tests/support/tcp_proxy.h"

namespace claviger::history {

// Signals go to processes that this started, by their id. What was killed comes back with the same
// ports, data and arguments.
//
// Thread safety: none. Lives on the main thread: the processes end with the thread that started
// them.
//
// Errors: a process that ended although nobody killed it.
class Cluster {
 public:
  struct Options {
    // Paths of clavigerd, of this program, of a folder for the files of the run, and of its record.
    std::string server_program;
    std::string self;
    std::string folder;
    std::string record_file;
    uint32_t clients = 0;
    uint64_t seed = 0;
  };

  // Returns when the server serves and the clients are started.
  static absl::StatusOr<std::unique_ptr<Cluster>> Start(Options options, const Clock& clock);
  // Ends all processes.
  ~Cluster() = default;
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  uint32_t clients() const { return options_.clients; }
  const std::string& server_address() const { return server_->address(); }
  const std::string& authorization() const { return server_->authorization(); }
  TcpProxy& proxy(uint32_t client) { return *proxies_[client]; }

  absl::Status FreezeClient(uint32_t client) { return clients_[client]->Signal(SIGSTOP); }
  absl::Status ThawClient(uint32_t client) { return clients_[client]->Signal(SIGCONT); }
  absl::Status KillClient(uint32_t client) { return clients_[client]->Kill(); }
  absl::Status StartClient(uint32_t client);

  absl::Status FreezeServer() { return server_->process().Signal(SIGSTOP); }
  absl::Status ThawServer() { return server_->process().Signal(SIGCONT); }
  absl::Status KillServer() { return server_->process().Kill(); }
  absl::Status StartServer();

  // Waits until all clients have ended by themselves, and well. REQUIRES: they were told to.
  absl::Status AwaitClients();
  // What the server and the clients have written, for a run that went wrong.
  std::string Logs() const;

 private:
  Cluster(Options options, std::unique_ptr<ReservedPort> server_port)
      : options_(std::move(options)), server_port_(std::move(server_port)) {}

  std::string NewLogFile(const std::string& name);

  const Options options_;
  const std::unique_ptr<ReservedPort> server_port_;
  std::vector<std::string> log_files_;
  uint64_t starts_ = 0;
  std::unique_ptr<ClavigerdProcess> server_;
  std::vector<std::unique_ptr<TcpProxy>> proxies_;
  std::vector<std::unique_ptr<ChildProcess>> clients_;
};

}  // namespace claviger::history

#endif  // CLAVIGER_TESTS_HISTORY_CLUSTER_H_
