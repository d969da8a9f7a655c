#include "claviger/client.h"

#include <utility>

#include "client/src/core.h"
#include "core/platform/system_clock.h"
#include "core/platform/system_random.h"

namespace claviger {

absl::StatusOr<std::unique_ptr<Client>> Client::Create(Options options) {
  // Never destroyed: a client's thread may outlive static objects.
  static const Clock& clock = *new SystemClock();
  static RandomSource& random = *new SystemRandom();
  absl::StatusOr<std::shared_ptr<client::Core>> core =
      client::Core::Create(std::move(options), clock, random);
  if (!core.ok()) return core.status();
  return std::unique_ptr<Client>(new Client(*std::move(core)));
}

Client::Client(std::shared_ptr<client::Core> core) : core_(std::move(core)) {}

Client::~Client() { Close(); }

Decision Client::Check(std::string_view key, const CheckRequirements& requirements) {
  return core_->Check(key, requirements);
}

void Client::CheckAsync(std::string_view key, const CheckRequirements& requirements,
                        CheckCallback callback) {
  core_->CheckAsync(key, requirements, std::move(callback));
}

bool Client::WaitForLease(absl::Duration timeout) const { return core_->WaitForLease(timeout); }

ClientState Client::state() const { return core_->state(); }

void Client::Close() { core_->Close(); }

}  // namespace claviger
