#include "server/transport/connection_table.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace claviger {
namespace {

// A flood must not have all sockets looked at for each of its connections.
constexpr absl::Duration kLeastBetweenSweeps = absl::Milliseconds(50);
constexpr absl::Duration kLeastBetweenAddressSweeps = absl::Milliseconds(20);
constexpr absl::Duration kLeastBetweenClosingSweeps = absl::Milliseconds(2);

}  // namespace

ConnectionTable::Address& ConnectionTable::AddressOf(const ConnectionPeer& peer) {
  const AddressGroup group = peer.group();
  std::unique_ptr<Address>& address = addresses_[group];
  if (address == nullptr) {
    address = std::make_unique<Address>();
    address->group = group;
  }
  return *address;
}

std::optional<ConnectionCap> ConnectionTable::Admit(const SocketId& socket,
                                                    const std::optional<ConnectionPeer>& peer,
                                                    absl::Duration now) {
  Address* address = nullptr;
  if (peer.has_value()) {
    // What came from the same address and port has ended, unless the two came to different
    // addresses of this machine.
    if (const auto before = by_peer_.find(*peer);
        before != by_peer_.end() && !before->second->socket.IsOpen()) {
      Remove(*before->second, now);
    }
    address = &AddressOf(*peer);
    address->at_door = true;
  }
  const std::optional<ConnectionCap> full = MakeRoom(address, now);
  if (address != nullptr) address->at_door = false;
  if (full.has_value()) {
    if (address != nullptr) Settle(*address, now);
    return full;
  }
  Connection& connection = connections_.emplace_back();
  connection.socket = socket;
  connection.peer = peer;
  connection.address = address;
  connection.self = std::prev(connections_.end());
  if (address == nullptr) return std::nullopt;
  if (address->left) {
    left_.erase(address->place_among_left);
    address->left = false;
  }
  by_peer_[*peer] = &connection;
  Order& order = OrderOf(*address);
  connection.place = order.insert(order.end(), &connection);
  connection.place_at_address =
      address->without_call.insert(address->without_call.end(), &connection);
  return std::nullopt;
}

std::optional<ConnectionCap> ConnectionTable::MakeRoom(Address* address, absl::Duration now) {
  // In this order: who is too many by itself displaces nobody else.
  if (address != nullptr && !RoomAtAddress(*address, now)) return ConnectionCap::kAddress;
  if (!RoomInTotal(address, now)) return ConnectionCap::kTotal;
  return std::nullopt;
}

bool ConnectionTable::RoomAtAddress(Address& address, absl::Duration now) {
  if (address.open() < caps_.per_address) return true;
  if (now - address.swept_at >= kLeastBetweenAddressSweeps) {
    address.swept_at = now;
    for (Order* order : {&address.without_call, &address.with_call}) {
      for (auto it = order->begin(); it != order->end();) {
        Connection& connection = **it++;
        if (!connection.socket.IsOpen()) Remove(connection, now);
      }
    }
    if (address.open() < caps_.per_address) return true;
  }
  // Nobody is to go whose caller was recognised just now.
  TakeMarks();
  if (address.without_call.empty() || !MayHangUp(&address, now)) return false;
  return HangUp(*address.without_call.front(), ConnectionCap::kAddress, now);
}

bool ConnectionTable::RoomInTotal(const Address* address, absl::Duration now) {
  const auto has_room = [this] { return connections_.size() - closing_.size() < caps_.total; };
  if (has_room()) return true;
  if (now - swept_at_ >= kLeastBetweenSweeps) {
    Sweep(now);
    if (has_room()) return true;
  }
  TakeMarks();
  Connection* first = FirstToGo();
  return first != nullptr && MayHangUp(address, now) && HangUp(*first, ConnectionCap::kTotal, now);
}

bool ConnectionTable::MayHangUp(const Address* address, absl::Duration now) {
  const bool is_stranger = address == nullptr || !address->known;
  const size_t most_closing = is_stranger ? caps_.closing() / 2 : caps_.closing();
  if (closing_.size() >= most_closing) {
    if (now - closing_swept_at_ < kLeastBetweenClosingSweeps) return false;
    closing_swept_at_ = now;
    for (auto it = closing_.begin(); it != closing_.end();) {
      Connection& connection = **it++;
      if (!connection.socket.IsOpen()) Remove(connection, now);
    }
    if (closing_.size() >= most_closing) return false;
  }
  if (address == nullptr || !is_stranger) return true;
  room_left_ =
      std::min(kRoomPerSecond, room_left_ + absl::ToDoubleSeconds(now - room_at_) * kRoomPerSecond);
  room_at_ = now;
  if (room_left_ < 1) return false;
  room_left_ -= 1;
  return true;
}

ConnectionTable::Connection* ConnectionTable::FirstToGo() {
  if (!of_unknown_addresses_.empty()) return of_unknown_addresses_.front();
  if (!of_known_addresses_.empty()) return of_known_addresses_.front();
  return nullptr;
}

bool ConnectionTable::HangUp(Connection& connection, ConnectionCap why, absl::Duration now) {
  if (!connection.socket.HangUp()) return false;
  ++made_room_[static_cast<size_t>(why)];
  Address& address = *connection.address;
  OrderOf(address).erase(connection.place);
  address.without_call.erase(connection.place_at_address);
  connection.address = nullptr;
  connection.closing = true;
  connection.place = closing_.insert(closing_.end(), &connection);
  Settle(address, now);
  return true;
}

void ConnectionTable::MakeRoomForDescriptors(absl::Duration now) {
  Connection* first = FirstToGo();
  if (first == nullptr || !MayHangUp(nullptr, now)) return;
  HangUp(*first, ConnectionCap::kDescriptors, now);
}

void ConnectionTable::TakeMarks() {
  for (const CallerMarks::Mark& mark : marks_.Take()) {
    const std::optional<ConnectionPeer> peer = ConnectionPeer::FromGrpc(mark.peer);
    const auto found = peer.has_value() ? by_peer_.find(*peer) : by_peer_.end();
    if (found == by_peer_.end()) {
      marks_.Forget(mark.hash);
      continue;
    }
    found->second->mark = mark.hash;
    MarkCall(*found->second);
  }
}

void ConnectionTable::MarkCall(Connection& connection) {
  // One that was hung up has left its address.
  if (connection.has_call || connection.closing) return;
  Address& address = *connection.address;
  OrderOf(address).erase(connection.place);
  address.with_call.splice(address.with_call.end(), address.without_call,
                           connection.place_at_address);
  connection.has_call = true;
  ++with_call_;
  if (address.known) return;
  address.known = true;
  for (Connection* other : address.without_call) {
    of_known_addresses_.splice(of_known_addresses_.end(), of_unknown_addresses_, other->place);
  }
}

void ConnectionTable::Sweep(absl::Duration now) {
  swept_at_ = now;
  for (auto it = connections_.begin(); it != connections_.end();) {
    Connection& connection = *it++;
    if (!connection.socket.IsOpen()) Remove(connection, now);
  }
  while (!left_.empty() && (left_.size() > kMostRememberedAddresses ||
                            now - left_.front()->left_at > kAddressMemory)) {
    ForgetAddress(*left_.front());
  }
}

void ConnectionTable::Remove(Connection& connection, absl::Duration now) {
  Address* const address = connection.address;
  if (connection.closing) {
    closing_.erase(connection.place);
  } else if (connection.has_call) {
    address->with_call.erase(connection.place_at_address);
  } else if (address != nullptr) {
    OrderOf(*address).erase(connection.place);
    address->without_call.erase(connection.place_at_address);
  }
  if (connection.has_call) --with_call_;
  if (connection.mark != 0) marks_.Forget(connection.mark);
  if (connection.peer.has_value()) {
    const auto found = by_peer_.find(*connection.peer);
    if (found != by_peer_.end() && found->second == &connection) by_peer_.erase(found);
  }
  connections_.erase(connection.self);
  if (address != nullptr) Settle(*address, now);
}

void ConnectionTable::Settle(Address& address, absl::Duration now) {
  if (address.open() > 0 || address.at_door || address.left) return;
  if (!address.known) return ForgetAddress(address);
  address.left = true;
  address.left_at = now;
  address.place_among_left = left_.insert(left_.end(), &address);
}

void ConnectionTable::ForgetAddress(Address& address) {
  if (address.left) left_.erase(address.place_among_left);
  const AddressGroup group = address.group;
  addresses_.erase(group);
}

ConnectionTable::Counts ConnectionTable::counts() const {
  return {.open = connections_.size(),
          .with_call = with_call_,
          .closing = closing_.size(),
          .made_room = made_room_};
}

}  // namespace claviger
