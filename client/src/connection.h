// The ways to the authority: a channel for each endpoint, and the credential on every call.
#ifndef CLAVIGER_CLIENT_SRC_CONNECTION_H_
#define CLAVIGER_CLIENT_SRC_CONNECTION_H_

#include <claviger/v1/verifier.grpc.pb.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/security/credentials.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "claviger/client_options.h"
#include "client/src/endpoint.h"
#include "core/random.h"
#include "core/secret.h"

namespace claviger::client {

// Everybody uses the same endpoint until it fails somebody; then everybody goes on to the next.
//
// Thread safety: all methods may be called from any thread at once.
class Connection {
 public:
  struct Options {
    std::vector<Endpoint> endpoints;  // at least one
    std::shared_ptr<grpc::ChannelCredentials> credentials;
    bool plaintext = false;
    std::optional<Secret> key;
  };

  // An endpoint in use.
  struct Way {
    v1::Verifier::Stub& stub;
    size_t index;
  };

  // Connects to nothing yet. Begins with an endpoint at random.
  Connection(Options options, RandomSource& random);

  Way Current() const;
  // The endpoint failed: the next calls go elsewhere. No effect when that was said before.
  void MoveOnFrom(const Way& way);
  bool has_several() const { return ways_.size() > 1; }

  // Puts the credential on a call, and how long it may take from now. absl::InfiniteDuration(): as
  // long as it likes.
  void Prepare(grpc::ClientContext& context, absl::Duration timeout) const;

 private:
  const Options options_;
  std::vector<std::unique_ptr<v1::Verifier::Stub>> ways_;  // constant after construction
  std::atomic<size_t> current_;
};

// What `options` say, with the files read. The key is taken out of `options`. INVALID_ARGUMENT
// names the option whose file is not what it should be; or what opening the file gave.
absl::StatusOr<Connection::Options> ReadConnectionOptions(ClientOptions& options);

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_CONNECTION_H_
