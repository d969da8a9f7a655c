// Checks API keys in the service's own process, from a cache that the authority keeps true.
//
//   claviger::ClientOptions options;
//   options.endpoints = {"keys.internal:7420"};
//   options.key_file = "/run/secrets/claviger.key";
//   absl::StatusOr<std::unique_ptr<claviger::Client>> client =
//       claviger::Client::Create(std::move(options));
//   …
//   static constexpr std::string_view kReadOrders[] = {"orders:read"};
//   if (!(*client)->Check(key, {.required_scopes = kReadOrders}).valid()) …
//
// Guarantee: once a strict RevokeKey has returned at the authority, no check that starts afterwards
// lets the key in, in any process, connected or cut off. For this the client holds a short lease
// that the authority renews on one stream; without it every check asks the authority, and when that
// does not answer either, the check answers UNAVAILABLE.
//
// Performance: a check of a cached key takes no lock, allocates nothing and makes no call; most of
// its time is the SHA-256 of the key. A check of another key is one call, shared with those that
// come meanwhile. The raw key is neither kept nor sent: the authority is asked by its digest.
//
// Fork: as any user of gRPC, a process must not fork once it has a client, except to exec. Create
// clients after forking, one in each process.
#ifndef CLAVIGER_CLIENT_H_
#define CLAVIGER_CLIENT_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "claviger/checker.h"
#include "claviger/client_options.h"
#include "claviger/decision.h"

namespace claviger {

namespace client {
class Core;
}  // namespace client

// A look at a client, for health pages.
struct ClientState {
  // Whether checks are answered from the cache.
  bool lease_live = false;
  // Whether the stream to the authority is open.
  bool connected = false;
  size_t cached_keys = 0;
  size_t cache_bytes = 0;
  // Why the stream ended the last time; OK when it never did.
  absl::Status last_error;
};

// Thread safety: all methods may be called from any thread at once, but for the destructor.
//
// Errors: a check never fails other than by its Decision.
class Client final : public Checker {
 public:
  using Options = ClientOptions;

  // Begins to connect and returns: an authority that cannot be reached is no error here, see
  // WaitForLease. INVALID_ARGUMENT names the option that is wrong; a file that cannot be read gives
  // what opening it gave, and UNAVAILABLE means that the system has no entropy or no thread.
  static absl::StatusOr<std::unique_ptr<Client>> Create(Options options);
  // Closes. REQUIRES: nobody calls any more.
  ~Client() override;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Waits at most Options::check_timeout for the authority, if at all. Called from the callback of
  // a CheckAsync it cannot wait, and answers UNAVAILABLE where it would have to.
  Decision Check(std::string_view key, const CheckRequirements& requirements) override;
  using Checker::Check;
  // Callbacks run on the thread that keeps the lease: one that blocks loses it.
  void CheckAsync(std::string_view key, const CheckRequirements& requirements,
                  CheckCallback callback) override;

  // Waits until checks are answered from the cache. False: not within `timeout`. For the start of a
  // service; checks are right without, only slower.
  bool WaitForLease(absl::Duration timeout) const;

  ClientState state() const;

  // Ends the stream, fails the checks that wait with UNAVAILABLE, as well as all later ones, and
  // ends the client's thread. Returns within 5 seconds, even when a callback blocks (then the
  // thread ends by itself when it can). Idempotent.
  void Close();

 private:
  explicit Client(std::shared_ptr<client::Core> core);

  const std::shared_ptr<client::Core> core_;
};

}  // namespace claviger

#endif  // CLAVIGER_CLIENT_H_
