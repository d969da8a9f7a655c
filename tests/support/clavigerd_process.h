// The real clavigerd as a process of its own.
#ifndef CLAVIGER_TESTS_SUPPORT_CLAVIGERD_PROCESS_H_
#define CLAVIGER_TESTS_SUPPORT_CLAVIGERD_PROCESS_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/support/child_process.h"

namespace claviger {

// `clavigerd --dev`; runs until destroyed.
class ClavigerdProcess {
 public:
  struct Options {
    // Path of the program.
    std::string program;
    std::string data_dir;
    // Takes what it logs. A new one for each start.
    std::string log_file;
    // By default on free ports of the loopback address.
    std::string listen = "127.0.0.1:0";
    std::string http_listen = "127.0.0.1:0";
    // More flags.
    std::vector<std::string> flags = {};
  };

  // Returns once it serves.
  static absl::StatusOr<std::unique_ptr<ClavigerdProcess>> Start(const Options& options);
  // Returns at once: for a server that is not to come so far.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Launch(const Options& options);

  const std::string& address() const { return address_; }
  const std::string& http_address() const { return http_address_; }
  // `Bearer` and the root key.
  const std::string& authorization() const { return authorization_; }
  ChildProcess& process() { return *process_; }
  const ChildProcess& process() const { return *process_; }

 private:
  ClavigerdProcess() = default;

  std::unique_ptr<ChildProcess> process_;
  std::string address_;
  std::string http_address_;
  std::string authorization_;
};

}  // namespace claviger

#endif  // CLAVIGER_TESTS_SUPPORT_CLAVIGERD_PROCESS_H_
