// Which connections there are, and which of them makes room when there are too many.
#ifndef CLAVIGER_SERVER_TRANSPORT_CONNECTION_TABLE_H_
#define CLAVIGER_SERVER_TRANSPORT_CONNECTION_TABLE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "server/transport/caller_marks.h"
#include "server/transport/connection_peer.h"
#include "server/transport/socket_id.h"

namespace claviger {

// How many connections may be open.
struct ConnectionCaps {
  size_t total = 0;
  // From one IPv4 address, or one IPv6 /64.
  size_t per_address = 0;

  // Connections that were hung up stay open until gRPC has closed them. So many may be in that
  // state, on top of the total: with them, descriptors are bounded as well. Strangers may cause
  // half of it.
  size_t closing() const { return total / 4 + 16; }
  // The most that are open at any moment.
  size_t most_open() const { return total + closing(); }
};

// What a cap was of.
enum class ConnectionCap : unsigned char { kTotal, kAddress, kDescriptors };

// The open connections, in the order in which they make room:
//
//   1. those that brought no recognised caller, from an address where none did, oldest first
//   2. those that brought no recognised caller, from other addresses, oldest first
//
// One that brought a recognised caller never makes room. So a flood of connections without a caller
// displaces itself, and whoever has a key gets in between. From an address where no caller was
// recognised, kRoomPerSecond at most get in that way, and the rest is refused, which costs less.
// What an address was is remembered for an hour after its last connection.
//
// Thread safety: none.
class ConnectionTable {
 public:
  struct Counts {
    size_t open = 0;       // all of them
    size_t with_call = 0;  // those that brought a recognised caller
    size_t closing = 0;    // those that were hung up and are not closed yet
    // Since the start: those that had to make room, by ConnectionCap.
    std::array<uint64_t, 3> made_room{};
  };

  static constexpr absl::Duration kAddressMemory = absl::Hours(1);
  static constexpr double kRoomPerSecond = 1000;
  static constexpr size_t kMostRememberedAddresses = size_t{1} << 14;

  // `marks` outlives the table.
  ConnectionTable(const ConnectionCaps& caps, CallerMarks& marks) : caps_(caps), marks_(marks) {}

  ConnectionTable(const ConnectionTable&) = delete;
  ConnectionTable& operator=(const ConnectionTable&) = delete;

  // Takes in a new connection, making room where that is needed; or says of which cap there are too
  // many that cannot make room, and takes nothing in. `peer` is nullopt for a unix socket, which
  // has no cap by address and never makes room. `now` does not go back.
  std::optional<ConnectionCap> Admit(const SocketId& socket,
                                     const std::optional<ConnectionPeer>& peer, absl::Duration now);
  // Learns which connections brought a caller since the last time.
  void TakeMarks();
  // Forgets what has ended.
  void Sweep(absl::Duration now);
  // Hangs up the first that has to make room, if there is one.
  void MakeRoomForDescriptors(absl::Duration now);

  Counts counts() const;

 private:
  struct Address;
  struct Connection {
    SocketId socket;
    std::optional<ConnectionPeer> peer;
    Address* address = nullptr;  // null for a unix socket, and for one that was hung up
    bool has_call = false;
    bool closing = false;
    uint64_t mark = 0;  // 0: none
    std::list<Connection>::iterator self;
    // Where it stands in one of the orders of making room, or in closing_.
    std::list<Connection*>::iterator place;
    // Where it stands at its address.
    std::list<Connection*>::iterator place_at_address;
  };
  using Order = std::list<Connection*>;

  struct Address {
    AddressGroup group{};
    Order without_call;
    Order with_call;
    bool known = false;  // a recognised caller came from here
    absl::Duration swept_at = -absl::InfiniteDuration();
    bool at_door = false;  // a connection from here is being looked at
    bool left = false;     // nothing is open; since when, and where it stands in left_:
    absl::Duration left_at;
    std::list<Address*>::iterator place_among_left;

    size_t open() const { return without_call.size() + with_call.size(); }
  };

  Address& AddressOf(const ConnectionPeer& peer);
  Order& OrderOf(const Address& address) {
    return address.known ? of_known_addresses_ : of_unknown_addresses_;
  }
  std::optional<ConnectionCap> MakeRoom(Address* address, absl::Duration now);
  bool RoomAtAddress(Address& address, absl::Duration now);
  bool RoomInTotal(const Address* address, absl::Duration now);
  // Whether one more may be hung up for somebody from `address`; null: for nobody in particular.
  bool MayHangUp(const Address* address, absl::Duration now);
  Connection* FirstToGo();
  bool HangUp(Connection& connection, ConnectionCap why, absl::Duration now);
  void MarkCall(Connection& connection);
  void Remove(Connection& connection, absl::Duration now);
  // Forgets an address that has no connection any more, or remembers for a while what it was.
  void Settle(Address& address, absl::Duration now);
  void ForgetAddress(Address& address);

  const ConnectionCaps caps_;
  CallerMarks& marks_;

  std::list<Connection> connections_;
  absl::flat_hash_map<ConnectionPeer, Connection*> by_peer_;
  absl::flat_hash_map<AddressGroup, std::unique_ptr<Address>> addresses_;
  Order of_unknown_addresses_;
  Order of_known_addresses_;
  Order closing_;
  // Known addresses without a connection, the one that was left the longest ago first.
  std::list<Address*> left_;
  size_t with_call_ = 0;
  absl::Duration swept_at_ = -absl::InfiniteDuration();
  absl::Duration closing_swept_at_ = -absl::InfiniteDuration();
  // How many strangers may have room made for them at once, as of room_at_.
  double room_left_ = kRoomPerSecond;
  absl::Duration room_at_;
  std::array<uint64_t, 3> made_room_{};  // by ConnectionCap
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_TRANSPORT_CONNECTION_TABLE_H_
