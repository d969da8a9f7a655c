#include "client/src/flight_table.h"

#include "absl/hash/hash.h"

namespace claviger::client {

FlightTable::Lead::Lead(FlightTable& table, const Key& key, std::shared_ptr<Flight> flight)
    : table_(&table), key_(key), flight_(std::move(flight)) {}

FlightTable::Lead::Lead(Lead&& other) noexcept
    : table_(other.table_), key_(other.key_), flight_(std::move(other.flight_)) {}

FlightTable::Lead::~Lead() {
  if (flight_ != nullptr) table_->Land(key_, *flight_, nullptr);
}

void FlightTable::Lead::Complete(const FlightAnswer& answer) {
  const std::shared_ptr<Flight> flight = std::move(flight_);
  if (flight != nullptr) table_->Land(key_, *flight, &answer);
}

FlightTable::Shard& FlightTable::ShardOf(const Key& key) {
  return shards_[absl::Hash<Key>()(key) % kShards];
}

std::optional<FlightTable::Lead> FlightTable::JoinOrLead(const KeyId& id, const KeyHash& hash,
                                                         const JoinPoint& here,
                                                         FlightCallback on_answer) {
  const Key key{id, hash};
  if (!here.lease_live && rules_.join_fence) return Lead(*this, key, nullptr);
  Shard& shard = ShardOf(key);
  absl::MutexLock lock(&shard.mutex);
  const auto [place, is_new] = shard.flights.try_emplace(key);
  if (is_new) {
    place->second = std::make_shared<Flight>();
    return Lead(*this, key, place->second);
  }
  place->second->waiters.push_back({here, std::move(on_answer)});
  return std::nullopt;
}

void FlightTable::Land(const Key& key, Flight& flight, const FlightAnswer* answer) {
  std::vector<Waiter> waiters;
  {
    Shard& shard = ShardOf(key);
    absl::MutexLock lock(&shard.mutex);
    shard.flights.erase(key);
    waiters.swap(flight.waiters);
  }
  for (Waiter& waiter : waiters) {
    // A failure tells nothing about the key, so it is never out of date.
    const bool may_take =
        answer != nullptr && (!answer->status.ok() ||
                              waiter.point.MayTake(answer->reflects, answer->grant.get(), rules_));
    waiter.on_answer(may_take ? answer : nullptr);
  }
}

size_t FlightTable::size() const {
  size_t flights = 0;
  for (const Shard& shard : shards_) {
    absl::MutexLock lock(&shard.mutex);
    flights += shard.flights.size();
  }
  return flights;
}

}  // namespace claviger::client
