#include "core/scope.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "core/status.h"
#include "fmt/format.h"

namespace claviger {
namespace {

constexpr std::string_view kWildcard = "*";

bool IsSegment(std::string_view segment) {
  if (segment.empty() || segment.size() > kMaxScopeSegmentLength) return false;
  return std::all_of(segment.begin(), segment.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
  });
}

}  // namespace

bool IsValidRequiredScope(std::string_view text) {
  if (text.size() > kMaxScopeLength) return false;
  for (size_t colon = text.find(':'); colon != std::string_view::npos; colon = text.find(':')) {
    if (!IsSegment(text.substr(0, colon))) return false;
    text.remove_prefix(colon + 1);
  }
  return IsSegment(text);
}

bool IsValidGrantedScope(std::string_view text) {
  if (text == kWildcard) return true;
  if (text.size() > kMaxScopeLength) return false;
  if (text.ends_with(":*")) text.remove_suffix(2);
  return IsValidRequiredScope(text);
}

bool ScopeCovers(std::string_view granted, std::string_view wanted) {
  if (!granted.ends_with('*')) return granted == wanted;
  // `a:*` leaves `a:`, which must be followed by something; `*` leaves nothing.
  granted.remove_suffix(1);
  return wanted.size() > granted.size() && wanted.starts_with(granted);
}

absl::StatusOr<ScopeSet> ScopeSet::Create(std::vector<std::string> scopes, std::string_view field) {
  if (scopes.size() > kMaxScopesPerKey) {
    return InvalidField(std::string(field),
                        fmt::format("must have at most {} scopes", kMaxScopesPerKey));
  }
  for (size_t i = 0; i < scopes.size(); ++i) {
    if (!IsValidGrantedScope(scopes[i])) {
      return InvalidField(fmt::format("{}[{}]", field, i), std::string(kScopeSyntax));
    }
  }
  return FromTrusted(std::move(scopes));
}

ScopeSet ScopeSet::FromTrusted(std::vector<std::string> scopes) {
  std::sort(scopes.begin(), scopes.end());
  scopes.erase(std::unique(scopes.begin(), scopes.end()), scopes.end());
  ScopeSet set;
  set.scopes_ = std::move(scopes);
  return set;
}

bool ScopeSet::Covers(std::string_view wanted) const {
  return std::any_of(scopes_.begin(), scopes_.end(),
                     [wanted](const std::string& granted) { return ScopeCovers(granted, wanted); });
}

bool ScopeSet::CoversAll(const ScopeSet& other) const {
  return std::all_of(other.scopes_.begin(), other.scopes_.end(),
                     [this](const std::string& scope) { return Covers(scope); });
}

bool ScopeSet::Contains(std::string_view scope) const {
  return std::binary_search(scopes_.begin(), scopes_.end(), scope, std::less<>());
}

}  // namespace claviger
