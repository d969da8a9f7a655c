#include "tests/simulation/network.h"

#include <algorithm>
#include <utility>

namespace claviger::simulation {
namespace {

// How often an end that is cut off hears of it, and how late. Else it finds out by itself.
constexpr double kHearsOfACut = 0.7;
constexpr absl::Duration kHearsAtFirst = absl::Microseconds(100);
constexpr absl::Duration kHearsAtLast = absl::Seconds(3);

}  // namespace

absl::Duration Path::Delay() {
  if (dice_.Chance(quality_.spikes)) return dice_.Spread(quality_.longest, quality_.spike);
  return dice_.Between(quality_.shortest, quality_.longest);
}

void Path::Stall(Direction direction, absl::Duration duration) {
  absl::Time& until = stalled_until_[static_cast<size_t>(direction)];
  until = std::max(until, world_.now() + duration);
}

void Path::Deafen(absl::Duration duration) {
  deaf_until_ = std::max(deaf_until_, world_.now() + duration);
}

void Path::Break(absl::Duration duration) {
  broken_until_ = std::max(broken_until_, world_.now() + duration);
  Cut();
}

void Path::Cut() {
  for (const std::weak_ptr<Wire>& weak : std::exchange(wires_, {})) {
    if (const std::shared_ptr<Wire> wire = weak.lock()) wire->Cut();
  }
}

std::shared_ptr<Wire> Wire::Make(Path& path, VerifierEnd verifier, AuthorityEnd authority) {
  std::shared_ptr<Wire> wire(new Wire(path, std::move(verifier), std::move(authority)));
  std::erase_if(path.wires_, [](const std::weak_ptr<Wire>& old) { return old.expired(); });
  path.wires_.push_back(wire);
  return wire;
}

void Wire::Deliver(Direction direction, World::Task task) {
  if (cut_) return;
  const auto side = static_cast<size_t>(direction);
  absl::Time at = std::max(
      {last_arrival_[side], path_.stalled_until_[side], path_.world_.now() + path_.Delay()});
  if (std::exchange(used_[side], true) && direction == Direction::kDown) {
    at = std::max(at, path_.deaf_until_);
  }
  last_arrival_[side] = at;
  path_.world_.At(at, [self = shared_from_this(), task = std::move(task)]() mutable {
    if (!self->cut_) task();
  });
}

void Wire::SendUp(sync::FromVerifier message) {
  Deliver(Direction::kUp, [this, message = std::move(message)] {
    authority_.on_message(shared_from_this(), message);
  });
}

void Wire::SendDown(sync::FromAuthority message) {
  Deliver(Direction::kDown, [this, message = std::move(message)] {
    if (!verifier_closed_) verifier_.on_message(message);
  });
}

void Wire::CloseByVerifier() {
  if (std::exchange(verifier_closed_, true)) return;
  Deliver(Direction::kUp, [this] { authority_.on_closed(shared_from_this()); });
}

void Wire::CloseByAuthority() {
  Deliver(Direction::kDown, [this] {
    if (!verifier_closed_) verifier_.on_closed();
  });
}

void Wire::Cut() {
  if (std::exchange(cut_, true)) return;
  Dice& dice = path_.dice_;
  const bool verifier_hears = dice.Chance(kHearsOfACut);
  const absl::Duration verifier_after = dice.Spread(kHearsAtFirst, kHearsAtLast);
  const bool authority_hears = dice.Chance(kHearsOfACut);
  const absl::Duration authority_after = dice.Spread(kHearsAtFirst, kHearsAtLast);
  if (verifier_hears) {
    path_.world_.After(verifier_after, [self = shared_from_this()] {
      if (!self->verifier_closed_) self->verifier_.on_closed();
    });
  }
  if (authority_hears) {
    path_.world_.After(authority_after,
                       [self = shared_from_this()] { self->authority_.on_closed(self); });
  }
}

}  // namespace claviger::simulation
