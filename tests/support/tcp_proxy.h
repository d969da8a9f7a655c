// A network that misbehaves: a TCP proxy on the loopback address that cuts, refuses, stalls, delays
// and half-closes when told to.
//
//   auto proxy = TcpProxy::Start(server_port, clock);
//   client.Connect((*proxy)->port());
//   (*proxy)->Stall();  // the client hears nothing and is told nothing
//   (*proxy)->Heal();   // and now all of it arrives, late
#ifndef CLAVIGER_TESTS_SUPPORT_TCP_PROXY_H_
#define CLAVIGER_TESTS_SUPPORT_TCP_PROXY_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "core/clock.h"
#include "core/file_descriptor.h"
#include "tests/support/reserved_port.h"

namespace claviger {

// Forwards bytes as they come, in order, until told otherwise. Has a thread of its own. Holds at
// most kMaxBuffered bytes for each direction of a connection, beside what the kernel holds, and at
// most kMaxConnections connections; more are reset.
//
// Thread safety: all methods may be called from any thread at once. What a method says has happened
// when it returns.
class TcpProxy {
 public:
  enum class Direction { kToServer, kToClient };

  static constexpr size_t kMaxBuffered = size_t{256} << 10;
  static constexpr size_t kMaxConnections = 256;

  // Listens on a free port, for connections to `target_port` of the loopback address. `clock`, for
  // delays, outlives the proxy.
  static absl::StatusOr<std::unique_ptr<TcpProxy>> Start(uint16_t target_port, const Clock& clock);
  // Resets all connections.
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  // Where to connect; stays the same.
  uint16_t port() const { return port_->number(); }

  // Resets all connections at both ends; what was under way is lost. New ones are welcome.
  void Cut();
  // Refuses new connections until healed.
  void Refuse();
  // A black hole: forwards nothing, neither bytes nor ends, until healed; connections, new ones
  // too, just hang. What is sent meanwhile is not lost but late, as when a network was parted.
  void Stall();
  // Forwards what comes from now on after `delay`, until healed.
  void Delay(absl::Duration delay);
  // On all connections of now: tells the receiver of `direction` that there is no more to come, and
  // throws away what does come. The other direction goes on. For good.
  void HalfClose(Direction direction);
  // Undoes Refuse, Stall and Delay. What was delayed still comes when it was to come.
  void Heal();

  // Open connections, and the bytes that were read and not yet forwarded.
  size_t connections();
  size_t buffered_bytes();

 private:
  class Link;
  struct Command {
    absl::FunctionRef<void()> run;
    absl::Notification& done;
  };

  TcpProxy(std::unique_ptr<ReservedPort> port, FileDescriptor listener, FileDescriptor wake,
           uint16_t target_port, const Clock& clock);

  // Runs `command` on the proxy's thread.
  void Do(absl::FunctionRef<void()> command);
  void Wake() const;

  // On the proxy's thread.
  void Loop();
  // False: to end.
  bool RunCommands();
  void WaitAndForward();
  void Accept();

  const std::unique_ptr<ReservedPort> port_;
  const FileDescriptor wake_;  // readable: commands wait
  const uint16_t target_port_;
  const Clock& clock_;

  // Of the proxy's thread.
  FileDescriptor listener_;  // none: refusing
  std::vector<std::unique_ptr<Link>> links_;
  bool stalled_ = false;
  absl::Duration delay_;

  absl::Mutex mutex_;
  std::deque<Command> commands_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;
};

}  // namespace claviger

#endif  // CLAVIGER_TESTS_SUPPORT_TCP_PROXY_H_
