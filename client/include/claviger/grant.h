// What a good key stands for.
//
//   const claviger::Grant& grant = decision.grant();
//   Serve(grant.owner(), grant.Covers("orders:write"));
//
// Thread safety: immutable. Performance: a handle; copying it counts a reference, and every reader
// but `Labels`, `AllowedCidrs` and `MetadataJson` gives a view.
#ifndef CLAVIGER_GRANT_H_
#define CLAVIGER_GRANT_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace claviger {

namespace client {
struct CachedGrant;
class GrantAccess;
}  // namespace client

// Said when the key was issued.
enum class KeyEnvironment : unsigned char { kLive = 1, kTest = 2 };

// Views stay valid as long as this object or a copy of it lives, whatever the client does
// meanwhile. An empty grant has empty values.
class Grant {
 public:
  // Empty.
  Grant() = default;

  // Whether there is one.
  explicit operator bool() const { return data_ != nullptr; }

  // 16 characters that name the key; fit for logs.
  std::string_view key_id() const;
  std::string_view project_id() const;
  // Whom the key acts for, in the words of its issuer.
  std::string_view owner() const;
  KeyEnvironment environment() const;
  // Sorted. `a:*` covers all below `a:`, `*` everything: ask with `Covers`.
  const std::vector<std::string>& scopes() const;
  bool Covers(std::string_view scope) const;
  // The value of a label; nullopt: it has none of that name.
  std::optional<std::string_view> label(std::string_view name) const;
  // When the key ends, as a date for people. nullopt: never.
  std::optional<absl::Time> expire_time() const;

  // All labels, sorted by name.
  std::vector<std::pair<std::string, std::string>> Labels() const;
  // From where the key may be used. Empty: from everywhere.
  std::vector<std::string> AllowedCidrs() const;
  // The key's metadata as a JSON object; `{}` when there is none.
  std::string MetadataJson() const;

 private:
  friend class client::GrantAccess;

  explicit Grant(std::shared_ptr<const client::CachedGrant> data) : data_(std::move(data)) {}
  const client::CachedGrant& data() const;

  std::shared_ptr<const client::CachedGrant> data_;
};

}  // namespace claviger

#endif  // CLAVIGER_GRANT_H_
