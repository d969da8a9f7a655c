// The way to the server: a channel, its stubs, and calls with the caller's key on them.
#ifndef CLAVIGER_CLIENT_CLI_CONNECTION_H_
#define CLAVIGER_CLIENT_CLI_CONNECTION_H_

#include <claviger/v1/admin.grpc.pb.h>
#include <claviger/v1/audit.grpc.pb.h>
#include <claviger/v1/key_authority.grpc.pb.h>
#include <claviger/v1/project.grpc.pb.h>
#include <claviger/v1/usage.grpc.pb.h>
#include <claviger/v1/verifier.grpc.pb.h>
#include <grpc/health/v1/health.grpc.pb.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "client/cli/retry.h"
#include "client/cli/server_target.h"
#include "core/clock.h"
#include "core/random.h"
#include "core/secret.h"

namespace claviger::cli {

// Stubs on one channel. Opening it sends nothing; the first call connects.
//
// Thread safety: none. Ownership: `clock` and `random` outlive it.
class Connection {
 public:
  struct Options {
    client::Endpoint target;
    Transport transport = Transport::kTls;
    std::shared_ptr<grpc::ChannelCredentials> credentials;
    // Goes with every call but the health check, as `authorization: Bearer`.
    std::optional<Secret> key;
    // The file that it is from; empty: it is not from a file.
    std::string key_file = {};
    // For a call with all its retries.
    absl::Duration timeout = absl::Seconds(30);
  };

  Connection(Options options, const Clock& clock, RandomSource& random);

  v1::KeyAuthority::Stub& keys() { return *keys_; }
  v1::Projects::Stub& projects() { return *projects_; }
  v1::Usage::Stub& usage() { return *usage_; }
  v1::Verifier::Stub& verifier() { return *verifier_; }
  v1::AuditLog::Stub& audit() { return *audit_; }
  v1::Admin::Stub& admin() { return *admin_; }
  absl::Duration timeout() const { return options_.timeout; }
  const client::Endpoint& target() const { return options_.target; }
  Transport transport() const { return options_.transport; }
  const std::optional<Secret>& key() const { return options_.key; }
  const std::string& key_file() const { return options_.key_file; }

  // A connection to the same server for another caller: by `key`, which is in `key_file`.
  std::unique_ptr<Connection> WithKey(Secret key, std::string key_file) const;

  // Makes a call within the timeout. `call` runs once for each attempt, with a fresh context.
  grpc::Status Call(Retry retry, const std::function<grpc::Status(grpc::ClientContext*)>& call);

  // Puts the caller's key on a call that is made otherwise: a stream.
  void AddKey(grpc::ClientContext& context) const;

  // Whether the server can be reached within the timeout.
  bool WaitUntilConnected();
  // Why it cannot, after it could not: UNAVAILABLE with what the library says, where it says
  // anything soon.
  grpc::Status WhyNotConnected();
  // grpc.health.v1 of the whole server, without a caller; `waited` is the round trip.
  grpc::Status CheckHealth(grpc::health::v1::HealthCheckResponse& response, absl::Duration& waited);

 private:
  const Options options_;
  const Clock& clock_;
  RandomSource& random_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::KeyAuthority::Stub> keys_;
  const std::unique_ptr<v1::Projects::Stub> projects_;
  const std::unique_ptr<v1::Usage::Stub> usage_;
  const std::unique_ptr<v1::Verifier::Stub> verifier_;
  const std::unique_ptr<v1::AuditLog::Stub> audit_;
  const std::unique_ptr<v1::Admin::Stub> admin_;
  const std::unique_ptr<grpc::health::v1::Health::Stub> health_;
};

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_CONNECTION_H_
