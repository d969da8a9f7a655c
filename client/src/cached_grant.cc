#include "client/src/cached_grant.h"

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

}  // namespace claviger::client
