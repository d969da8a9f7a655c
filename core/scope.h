// What a key may do, as text: `segment(:segment)*`, where the last granted segment may be `*` and
// then covers all below; `*` alone is everything.
#ifndef CLAVIGER_CORE_SCOPE_H_
#define CLAVIGER_CORE_SCOPE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace claviger {

inline constexpr size_t kMaxScopesPerKey = 256;
inline constexpr size_t kMaxScopeSegmentLength = 64;
inline constexpr size_t kMaxScopeLength = 512;
// What a message says is accepted.
inline constexpr std::string_view kScopeSyntax =
    "must be segments of [a-z0-9_.-]{1,64} joined by ':', at most 512 characters, the last may be "
    "'*'";

// Whether `text` may be granted (wildcard allowed) or required (not allowed).
bool IsValidGrantedScope(std::string_view text);
bool IsValidRequiredScope(std::string_view text);

// Whether the single granted scope `granted` covers `wanted`. `wanted` may be a granted scope too:
// `a:*` covers `a:b:*`, and `a:*` covers `a:b` but not `a`.
bool ScopeCovers(std::string_view granted, std::string_view wanted);

// A set of granted scopes: sorted, without repetition, immutable.
//
// Thread safety: like a std::vector.
class ScopeSet {
 public:
  ScopeSet() = default;
  // INVALID_ARGUMENT naming `<field>[i]` for the first scope that is not valid, or `<field>` when
  // there are too many.
  static absl::StatusOr<ScopeSet> Create(std::vector<std::string> scopes, std::string_view field);
  // For scopes that were checked before (stored records). Sorts and removes repetitions.
  static ScopeSet FromTrusted(std::vector<std::string> scopes);

  // Whether one of the scopes covers `wanted`. Allocates nothing.
  bool Covers(std::string_view wanted) const;
  // Whether everything that `other` covers is covered here.
  bool CoversAll(const ScopeSet& other) const;
  // By exact text.
  bool Contains(std::string_view scope) const;

  const std::vector<std::string>& scopes() const { return scopes_; }
  bool empty() const { return scopes_.empty(); }
  size_t size() const { return scopes_.size(); }

  friend bool operator==(const ScopeSet&, const ScopeSet&) = default;

 private:
  std::vector<std::string> scopes_;
};

}  // namespace claviger

#endif  // CLAVIGER_CORE_SCOPE_H_
