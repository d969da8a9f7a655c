#include "server/transport/connection_acceptor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "grpc/support/log.h"
#include "server/logging/log.h"

namespace claviger {
namespace {

constexpr absl::Duration kSweepInterval = absl::Seconds(1);
// How long to leave the listener alone when the system is out of something.
constexpr absl::Duration kPause = absl::Milliseconds(5);
constexpr absl::Duration kLogInterval = absl::Seconds(10);
// Connections between two looks at what else there is to do.
constexpr int kAcceptsAtOnce = 64;
// Connections that are turned away between two pauses.
constexpr int kTurnedAwayAtOnce = 16;

// The system's own, as gRPC's limits of the same connections go by it.
absl::Duration Now() {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

FileDescriptor OpenSpare() { return FileDescriptor(open("/dev/null", O_RDONLY | O_CLOEXEC)); }

// Without the goodbye that would keep the system's state of it for a minute.
void Reset(int fd) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  close(fd);
}

}  // namespace

ConnectionAcceptor::ConnectionAcceptor(
    ListenSocket socket, std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> to_grpc,
    const ConnectionCaps& caps, CallerMarks& marks, ConnectionMetrics& metrics)
    : socket_(std::move(socket)),
      to_grpc_(std::move(to_grpc)),
      metrics_(metrics),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      table_(caps, marks),
      spare_(OpenSpare()) {
  GPR_ASSERT(wake_.get() >= 0);
  metrics_.SetMost(caps.total);
  thread_ = std::thread([this] { Run(); });
}

ConnectionAcceptor::~ConnectionAcceptor() { Stop(); }

void ConnectionAcceptor::Stop() {
  if (!thread_.joinable()) return;
  eventfd_write(wake_.get(), 1);
  thread_.join();
  socket_.Close();
}

void ConnectionAcceptor::Run() {
  absl::Duration swept_at = Now();
  for (;;) {
    pollfd waited[2] = {{.fd = wake_.get(), .events = POLLIN, .revents = 0},
                        {.fd = socket_.fd(), .events = POLLIN, .revents = 0}};
    if (listens_again_soon_) waited[1].fd = -1;
    const absl::Duration timeout = listens_again_soon_ ? kPause : kSweepInterval;
    listens_again_soon_ = false;
    (void)poll(waited, 2, static_cast<int>(absl::ToInt64Milliseconds(timeout)));
    if (waited[0].revents != 0) return;
    table_.TakeMarks();
    for (int i = 0; i < kAcceptsAtOnce && AcceptOne(); ++i) {
    }
    if (const absl::Duration now = Now(); now - swept_at >= kSweepInterval) {
      swept_at = now;
      table_.Sweep(now);
      LogTurnedAway(now);
    }
    Publish();
  }
}

bool ConnectionAcceptor::AcceptOne() {
  const int fd = accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    OnAcceptError(errno);
    return false;
  }
  TakeIn(fd);
  return true;
}

void ConnectionAcceptor::OnAcceptError(int error) {
  switch (error) {
    case EAGAIN:
    // These are of a connection that was over before it was taken in (accept(2)); the next one
    // waits already.
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
      return;
    case EMFILE:
    case ENFILE:
      AcceptWithSpare();
      break;
    default:
      break;
  }
  // Else the listener, which goes on having somebody waiting, would keep a core busy.
  listens_again_soon_ = true;
  if (const absl::Duration now = Now(); now - failure_logged_at_ >= kLogInterval) {
    failure_logged_at_ = now;
    log::Warning("connections cannot be accepted for now", {{"why", std::strerror(error)}});
  }
}

void ConnectionAcceptor::AcceptWithSpare() {
  for (int i = 0; i < kTurnedAwayAtOnce; ++i) {
    if (spare_.get() < 0) spare_ = OpenSpare();
    // Else some descriptor must come free somewhere first.
    if (spare_.get() < 0) return;
    spare_.Reset();
    const int fd = accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) TurnAway(fd, ConnectionCap::kDescriptors);
    table_.MakeRoomForDescriptors(Now());
    spare_ = OpenSpare();
    if (fd < 0) return;
  }
}

void ConnectionAcceptor::TakeIn(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    // It has ended already.
    close(fd);
    return;
  }
  const std::optional<ConnectionCap> full =
      table_.Admit(SocketId::Of(fd), ConnectionPeer::FromSocketAddress(address), Now());
  if (full.has_value()) {
    TurnAway(fd, *full);
    return;
  }
  metrics_.CountAccepted();
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
  parameters.listener_fd = socket_.fd();
  parameters.fd = fd;
  to_grpc_->HandleNewConnection(&parameters);
}

void ConnectionAcceptor::TurnAway(int fd, ConnectionCap bound) {
  Reset(fd);
  metrics_.CountRefused(static_cast<size_t>(bound));
  ++refused_[static_cast<size_t>(bound)];
}

void ConnectionAcceptor::Publish() {
  const ConnectionTable::Counts counts = table_.counts();
  metrics_.SetOpen(counts.open, counts.with_call);
  for (size_t i = 0; i < counts.made_room.size(); ++i) {
    metrics_.SetMadeRoom(i, counts.made_room[i]);
  }
}

void ConnectionAcceptor::LogTurnedAway(absl::Duration now) {
  const ConnectionTable::Counts counts = table_.counts();
  uint64_t total = 0;
  for (size_t i = 0; i < kConnectionBounds; ++i) total += refused_[i] + counts.made_room[i];
  if (total == logged_ || now - logged_at_ < kLogInterval) return;
  logged_ = total;
  logged_at_ = now;
  const auto at = [](const auto& values, ConnectionCap cap) {
    return values[static_cast<size_t>(cap)];
  };
  log::Warning("too many connections",
               {{"open", counts.open},
                {"refused_total", at(refused_, ConnectionCap::kTotal)},
                {"refused_address", at(refused_, ConnectionCap::kAddress)},
                {"refused_descriptors", at(refused_, ConnectionCap::kDescriptors)},
                {"made_room_total", at(counts.made_room, ConnectionCap::kTotal)},
                {"made_room_address", at(counts.made_room, ConnectionCap::kAddress)},
                {"made_room_descriptors", at(counts.made_room, ConnectionCap::kDescriptors)}});
}

}  // namespace claviger
