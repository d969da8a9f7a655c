#include "tests/support/tcp_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <utility>

namespace claviger {
namespace {

constexpr size_t kReadSize = size_t{16} << 10;
constexpr int kReadsAtOnce = 16;
constexpr absl::Duration kLongestWait = absl::Minutes(1);

// Closes with a reset in place of an orderly end.
void CloseWithReset(FileDescriptor& fd) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  // Where this fails the connection is gone already.
  (void)setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  fd.Reset();
}

void SendAtOnce(int fd) {
  const int on = 1;
  // A proxy that waits for more bytes would add a delay that nobody asked for; no more than that.
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

bool IsForLater(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

// One connection through the proxy: a socket on each side and a pipe in each direction.
//
// Thread safety: none.
class TcpProxy::Link {
 public:
  Link(FileDescriptor client, uint16_t target_port)
      : client_(std::move(client)), target_port_(target_port) {
    SendAtOnce(client_.get());
  }
  ~Link() {
    CloseWithReset(client_);
    if (server_.get() >= 0) CloseWithReset(server_);
  }

  // What to wait for: an entry for the client and one for the server. Asks for the server when it
  // was not yet asked for.
  std::array<pollfd, 2> Wanted(absl::Duration now) {
    if (server_.get() < 0) Connect();
    std::array<pollfd, 2> wanted{{{.fd = client_.get(), .events = 0, .revents = 0},
                                  {.fd = server_.get(), .events = 0, .revents = 0}}};
    if (!connected_) {
      wanted[0].fd = -1;
      wanted[1].events = POLLOUT;
      return wanted;
    }
    for (size_t i = 0; i < 2; ++i) {
      const Pipe& out = pipes_[i];
      const size_t from = i == 0 ? 0 : 1;
      if (!out.from_ended && out.buffered < kMaxBuffered) wanted[from].events |= POLLIN;
      if (!out.chunks.empty() && out.chunks.front().due <= now) {
        wanted[1 - from].events |= POLLOUT;
      }
    }
    for (pollfd& side : wanted) {
      // Else a peer that hung up would wake us again and again while there is nothing to do.
      if (side.events == 0) side.fd = -1;
    }
    return wanted;
  }

  // When the next byte that waits for its time may go.
  absl::Duration NextDue(absl::Duration now) const {
    absl::Duration next = absl::InfiniteDuration();
    for (const Pipe& pipe : pipes_) {
      if (!pipe.chunks.empty() && pipe.chunks.front().due > now) {
        next = std::min(next, pipe.chunks.front().due);
      }
    }
    return next;
  }

  // Does what is possible now.
  void Forward(absl::Duration now, absl::Duration delay) {
    if (!connected_ && !broken_) FinishConnect();
    if (!connected_ || broken_) return;
    for (const Direction direction : {Direction::kToServer, Direction::kToClient}) {
      Pipe& pipe = pipes_[static_cast<size_t>(direction)];
      Read(Sender(direction), pipe, now + delay);
      Write(Receiver(direction), pipe, now);
    }
  }

  void HalfClose(Direction direction) {
    Pipe& pipe = pipes_[static_cast<size_t>(direction)];
    pipe.chunks.clear();
    pipe.buffered = 0;
    EndReceiver(Receiver(direction), pipe);
  }

  bool over() const { return broken_ || (pipes_[0].Over() && pipes_[1].Over()); }
  size_t buffered() const { return pipes_[0].buffered + pipes_[1].buffered; }

 private:
  struct Chunk {
    absl::Duration due;
    std::string bytes;
  };
  struct Pipe {
    std::deque<Chunk> chunks;
    size_t buffered = 0;
    bool from_ended = false;  // the sender has said that there is no more
    bool to_ended = false;    // the receiver was told so

    bool Over() const { return from_ended && to_ended; }
  };

  int Sender(Direction direction) const {
    return direction == Direction::kToServer ? client_.get() : server_.get();
  }
  int Receiver(Direction direction) const {
    return direction == Direction::kToServer ? server_.get() : client_.get();
  }

  void Connect() {
    server_.Reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(target_port_);
    SendAtOnce(server_.get());
    if (connect(server_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
        errno != EINPROGRESS) {
      broken_ = true;
    }
  }
  void FinishConnect() {
    pollfd server{.fd = server_.get(), .events = POLLOUT, .revents = 0};
    if (poll(&server, 1, 0) != 1) return;
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(server_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    connected_ = error == 0;
    broken_ = !connected_;
  }

  void Read(int from, Pipe& pipe, absl::Duration due) {
    std::array<char, kReadSize> bytes;
    // Not until there is no more: a sender that never rests must not keep the others waiting.
    for (int i = 0; i < kReadsAtOnce && !broken_ && !pipe.from_ended; ++i) {
      if (pipe.buffered >= kMaxBuffered) return;
      const ssize_t count = recv(from, bytes.data(), bytes.size(), 0);
      if (count < 0) {
        broken_ = !IsForLater(errno);
        return;
      }
      pipe.from_ended = count == 0;
      // A receiver that was told of the end gets nothing behind it.
      if (count == 0 || pipe.to_ended) continue;
      pipe.buffered += static_cast<size_t>(count);
      pipe.chunks.push_back({due, std::string(bytes.data(), static_cast<size_t>(count))});
    }
  }
  void Write(int to, Pipe& pipe, absl::Duration now) {
    while (!broken_ && !pipe.chunks.empty() && pipe.chunks.front().due <= now) {
      std::string& bytes = pipe.chunks.front().bytes;
      const ssize_t count = send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count < 0) {
        broken_ = !IsForLater(errno);
        return;
      }
      pipe.buffered -= static_cast<size_t>(count);
      bytes.erase(0, static_cast<size_t>(count));
      if (bytes.empty()) pipe.chunks.pop_front();
    }
    if (pipe.from_ended && pipe.chunks.empty()) EndReceiver(to, pipe);
  }
  void EndReceiver(int to, Pipe& pipe) {
    if (std::exchange(pipe.to_ended, true)) return;
    if (shutdown(to, SHUT_WR) != 0) broken_ = true;
  }

  FileDescriptor client_;
  FileDescriptor server_;  // none: not yet asked for
  const uint16_t target_port_;
  bool connected_ = false;  // to the server
  bool broken_ = false;
  std::array<Pipe, 2> pipes_;  // by Direction
};

absl::StatusOr<std::unique_ptr<TcpProxy>> TcpProxy::Start(uint16_t target_port,
                                                          const Clock& clock) {
  absl::StatusOr<std::unique_ptr<ReservedPort>> port = ReservedPort::Reserve();
  if (!port.ok()) return port.status();
  absl::StatusOr<FileDescriptor> listener = (*port)->Listen();
  if (!listener.ok()) return listener.status();
  FileDescriptor wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (wake.get() < 0) return absl::ErrnoToStatus(errno, "eventfd");
  return std::unique_ptr<TcpProxy>(
      new TcpProxy(*std::move(port), *std::move(listener), std::move(wake), target_port, clock));
}

TcpProxy::TcpProxy(std::unique_ptr<ReservedPort> port, FileDescriptor listener, FileDescriptor wake,
                   uint16_t target_port, const Clock& clock)
    : port_(std::move(port)),
      wake_(std::move(wake)),
      target_port_(target_port),
      clock_(clock),
      listener_(std::move(listener)),
      thread_([this] { Loop(); }) {}

TcpProxy::~TcpProxy() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  Wake();
  thread_.join();
}

void TcpProxy::Cut() {
  Do([this] { links_.clear(); });
}

void TcpProxy::Refuse() {
  Do([this] { listener_.Reset(); });
}

void TcpProxy::Stall() {
  Do([this] { stalled_ = true; });
}

void TcpProxy::Delay(absl::Duration delay) {
  Do([this, delay] { delay_ = delay; });
}

void TcpProxy::HalfClose(Direction direction) {
  Do([this, direction] {
    for (const std::unique_ptr<Link>& link : links_) link->HalfClose(direction);
  });
}

void TcpProxy::Heal() {
  Do([this] {
    stalled_ = false;
    delay_ = absl::ZeroDuration();
    if (listener_.get() >= 0) return;
    absl::StatusOr<FileDescriptor> listener = port_->Listen();
    // The port is ours, so this fails only for want of descriptors: then it goes on refusing.
    if (listener.ok()) listener_ = *std::move(listener);
  });
}

size_t TcpProxy::connections() {
  size_t count = 0;
  Do([&] { count = links_.size(); });
  return count;
}

size_t TcpProxy::buffered_bytes() {
  size_t bytes = 0;
  Do([&] {
    for (const std::unique_ptr<Link>& link : links_) bytes += link->buffered();
  });
  return bytes;
}

void TcpProxy::Do(absl::FunctionRef<void()> command) {
  absl::Notification done;
  {
    absl::MutexLock lock(&mutex_);
    commands_.push_back({command, done});
  }
  Wake();
  done.WaitForNotification();
}

void TcpProxy::Wake() const {
  // Fails only when it is readable by far already.
  (void)!eventfd_write(wake_.get(), 1);
}

void TcpProxy::Loop() {
  while (RunCommands()) WaitAndForward();
  links_.clear();
}

bool TcpProxy::RunCommands() {
  eventfd_t ignored = 0;
  (void)!eventfd_read(wake_.get(), &ignored);
  std::deque<Command> commands;
  bool stopping = false;
  {
    absl::MutexLock lock(&mutex_);
    commands.swap(commands_);
    stopping = stopping_;
  }
  for (const Command& command : commands) {
    command.run();
    command.done.Notify();
  }
  return !stopping;
}

void TcpProxy::WaitAndForward() {
  const absl::Duration before = clock_.SinceBoot();
  std::vector<pollfd> wanted = {{.fd = wake_.get(), .events = POLLIN, .revents = 0},
                                {.fd = listener_.get(), .events = POLLIN, .revents = 0}};
  absl::Duration due = absl::InfiniteDuration();
  if (!stalled_) {
    for (const std::unique_ptr<Link>& link : links_) {
      for (const pollfd& side : link->Wanted(before)) wanted.push_back(side);
      due = std::min(due, link->NextDue(before));
    }
  }
  const absl::Duration wait = std::min(due - before, kLongestWait);
  // Rounded up, or the last millisecond would be waited for again and again.
  const auto wait_ms = static_cast<int>(absl::ToInt64Milliseconds(wait)) + 1;
  const int ready = poll(wanted.data(), wanted.size(), wait_ms);
  // Cannot go on with these.
  if (ready < 0 && errno != EINTR) links_.clear();
  if (wanted[1].revents != 0) Accept();
  if (stalled_) return;
  const absl::Duration now = clock_.SinceBoot();
  for (const std::unique_ptr<Link>& link : links_) link->Forward(now, delay_);
  links_.erase(std::remove_if(links_.begin(), links_.end(),
                              [](const std::unique_ptr<Link>& link) { return link->over(); }),
               links_.end());
}

void TcpProxy::Accept() {
  for (;;) {
    FileDescriptor client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (client.get() < 0) return;
    auto link = std::make_unique<Link>(std::move(client), target_port_);
    // One too many is reset as it goes.
    if (links_.size() < kMaxConnections) links_.push_back(std::move(link));
  }
}

}  // namespace claviger
