#include "client/src/cached_grant.h"

#include <algorithm>

namespace claviger::client {
namespace {

// A std::string of at most this many characters keeps them in itself.
constexpr size_t kInlineCharacters = 15;

size_t HeapOf(const std::string& text) {
  return text.capacity() > kInlineCharacters ? text.capacity() + 1 : 0;
}

}  // namespace

DecisionSubject SubjectOf(const CachedGrant& grant) {
  return {
      .project_id = grant.project_id,
      .scopes = grant.scopes,
      .allowed_cidrs = grant.allowed_cidrs,
      .expire_time = std::nullopt,
  };
}

size_t MemoryOf(const CachedGrant& grant) {
  // The counts of a shared_ptr stand beside the object.
  size_t bytes = sizeof(CachedGrant) + 2 * sizeof(void*);
  bytes += HeapOf(grant.project_id) + HeapOf(grant.owner) + HeapOf(grant.metadata);
  bytes += grant.scopes.scopes().capacity() * sizeof(std::string);
  for (const std::string& scope : grant.scopes.scopes()) bytes += HeapOf(scope);
  bytes += grant.labels.capacity() * sizeof(grant.labels.front());
  for (const auto& [key, value] : grant.labels) bytes += HeapOf(key) + HeapOf(value);
  bytes += grant.allowed_cidrs.capacity() * sizeof(Cidr);
  return bytes;
}

void CountDenial(const CachedGrant& grant, VerifyCode code) {
  GrantUseDetails& details = grant.use_details;
  std::atomic<uint32_t>& count = code == VerifyCode::kInsufficientScope ? details.insufficient_scope
                                 : code == VerifyCode::kAddressNotAllowed
                                     ? details.address_not_allowed
                                     : details.other_denied;
  count.fetch_add(1, std::memory_order_relaxed);
}

void NoteAddress(const CachedGrant& grant, std::string_view client_ip, uint32_t second) {
  GrantUseDetails& details = grant.use_details;
  if (details.address_taken.exchange(true, std::memory_order_acquire)) return;
  const std::optional<IpAddress> address = IpAddress::Parse(client_ip);
  if (address.has_value()) details.address = *address;
  grant.use.last_use.store(second | (address.has_value() ? GrantUse::kHasAddress : 0),
                           std::memory_order_relaxed);
  details.address_taken.store(false, std::memory_order_release);
}

absl::Duration LastUseOf(const CachedGrant& grant) {
  const uint32_t second =
      grant.use.last_use.load(std::memory_order_relaxed) & ~GrantUse::kHasAddress;
  return second == 0 ? absl::ZeroDuration() : absl::Seconds(second - 1);
}

std::optional<sync::KeyUse> TakeUse(const CachedGrant& grant, absl::Duration now) {
  const auto take = [](std::atomic<uint32_t>& count) -> uint64_t {
    // Most are 0, and a line that is only read stays shared.
    if (count.load(std::memory_order_relaxed) == 0) return 0;
    return count.exchange(0, std::memory_order_relaxed);
  };
  GrantUseDetails& details = grant.use_details;
  sync::KeyUse use{.id = grant.id,
                   .valid = take(grant.use.valid),
                   .insufficient_scope = take(details.insufficient_scope),
                   .address_not_allowed = take(details.address_not_allowed),
                   .other_denied = take(details.other_denied)};
  if (use.valid + use.insufficient_scope + use.address_not_allowed + use.other_denied == 0) {
    return std::nullopt;
  }
  if (use.valid == 0) return use;
  use.last_used_ago = std::max(now - LastUseOf(grant), absl::ZeroDuration());
  if ((grant.use.last_use.load(std::memory_order_relaxed) & GrantUse::kHasAddress) == 0) return use;
  if (details.address_taken.exchange(true, std::memory_order_acquire)) return use;
  use.last_used_address = details.address.ToString();
  details.address_taken.store(false, std::memory_order_release);
  return use;
}

}  // namespace claviger::client
