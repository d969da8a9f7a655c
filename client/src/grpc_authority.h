// Asks the authority by gRPC, by the key's digest.
#ifndef CLAVIGER_CLIENT_SRC_GRPC_AUTHORITY_H_
#define CLAVIGER_CLIENT_SRC_GRPC_AUTHORITY_H_

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "client/src/authority.h"
#include "client/src/connection.h"
#include "client/src/event_loop.h"
#include "core/clock.h"
#include "core/random.h"

namespace claviger::client {

// Thread safety: all methods may be called from any thread at once.
class GrpcAuthority final : public Authority {
 public:
  // All outlive this object, and `loop` has ended before it is destroyed.
  GrpcAuthority(Connection& connection, EventLoop& loop, const Clock& clock, RandomSource& random)
      : connection_(connection), loop_(loop), clock_(clock), random_(random) {}

  // Tries again, elsewhere if there is an elsewhere, as RetrySchedule says.
  void Ask(const AskedKey& key, absl::Duration deadline, AnswerCallback callback) override;

  // Ends all calls, with CANCELLED; those to come, too.
  void CancelAll() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  class Call;

  Connection& connection_;
  EventLoop& loop_;
  const Clock& clock_;
  RandomSource& random_;

  absl::Mutex mutex_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_set<grpc::ClientContext*> open_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_GRPC_AUTHORITY_H_
