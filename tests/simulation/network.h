// What lies between a verifier and the authority, and all that can go wrong there.
#ifndef CLAVIGER_TESTS_SIMULATION_NETWORK_H_
#define CLAVIGER_TESTS_SIMULATION_NETWORK_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "core/sync_messages.h"
#include "tests/simulation/world.h"

namespace claviger::simulation {

enum class Direction : uint8_t { kUp, kDown };  // towards the authority, towards the verifier

class Wire;

// One verifier's way to the authority. Messages on different connections, and calls, overtake each
// other.
class Path {
 public:
  struct Quality {
    absl::Duration shortest;  // of a message's way
    absl::Duration longest;
    double spikes = 0;     // the share of messages that take longer: …
    absl::Duration spike;  // … up to this
  };
  Path(World& world, const Dice& dice, const Quality& quality)
      : world_(world), dice_(dice), quality_(quality) {}

  // How long the next message takes.
  absl::Duration Delay();

  // What is sent from now on waits for so long.
  void Stall(Direction direction, absl::Duration duration);
  // On each connection only the first message gets through to the verifier for so long.
  void Deafen(absl::Duration duration);
  // Cuts all connections, and lets nothing through for so long.
  void Break(absl::Duration duration);
  // Cuts all connections.
  void Cut();

  bool broken() const { return world_.now() < broken_until_; }

 private:
  friend class Wire;

  World& world_;
  Dice dice_;
  const Quality quality_;
  std::array<absl::Time, 2> stalled_until_ = {absl::InfinitePast(), absl::InfinitePast()};
  absl::Time deaf_until_ = absl::InfinitePast();
  absl::Time broken_until_ = absl::InfinitePast();
  std::vector<std::weak_ptr<Wire>> wires_;
};

// One connection. Keeps the order of what is sent in one direction, until it is cut: then what is
// on its way is lost, and each end learns of it sooner or later or never.
class Wire : public std::enable_shared_from_this<Wire> {
 public:
  struct VerifierEnd {
    std::function<void(const sync::FromAuthority&)> on_message;
    std::function<void()> on_closed;
  };
  struct AuthorityEnd {
    std::function<void(const std::shared_ptr<Wire>&, const sync::FromVerifier&)> on_message;
    std::function<void(const std::shared_ptr<Wire>&)> on_closed;
  };
  // `path` outlives the wire.
  static std::shared_ptr<Wire> Make(Path& path, VerifierEnd verifier, AuthorityEnd authority);

  void SendUp(sync::FromVerifier message);
  void SendDown(sync::FromAuthority message);
  // Each end may close; the other learns of it behind what was sent before.
  void CloseByVerifier();
  void CloseByAuthority();
  void Cut();

  // The authority's name for it, once it has one.
  std::optional<uint64_t> connection;

 private:
  Wire(Path& path, VerifierEnd verifier, AuthorityEnd authority)
      : path_(path), verifier_(std::move(verifier)), authority_(std::move(authority)) {}

  // In order, unless the wire is cut before.
  void Deliver(Direction direction, World::Task task);

  Path& path_;
  const VerifierEnd verifier_;
  const AuthorityEnd authority_;
  bool cut_ = false;
  bool verifier_closed_ = false;
  std::array<absl::Time, 2> last_arrival_ = {absl::InfinitePast(), absl::InfinitePast()};
  std::array<bool, 2> used_ = {false, false};
};

}  // namespace claviger::simulation

#endif  // CLAVIGER_TESTS_SIMULATION_NETWORK_H_
