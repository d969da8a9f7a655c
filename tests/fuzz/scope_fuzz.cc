// Scopes: granted, required, and which covers which. An input is lines: the first is asked for, the
// others are granted.
#include <string>
#include <string_view>
#include <vector>

#include "core/decision.h"
#include "core/scope.h"
#include "tests/fuzz/fuzz.h"

namespace claviger {
namespace {

std::vector<std::string> Segments(std::string_view text) {
  std::vector<std::string> segments(1);
  for (const char c : text) {
    if (c == ':') {
      segments.emplace_back();
    } else {
      segments.back() += c;
    }
  }
  return segments;
}

bool IsScope(std::string_view text, bool wildcard) {
  if (text.size() > 512) return false;
  const std::vector<std::string> segments = Segments(text);
  for (size_t i = 0; i < segments.size(); ++i) {
    const std::string& segment = segments[i];
    if (wildcard && segment == "*" && i + 1 == segments.size()) continue;
    if (segment.empty() || segment.size() > 64 ||
        segment.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.-") != std::string::npos) {
      return false;
    }
  }
  return true;
}

// By segments, where the code under test works on the text.
bool Covers(std::string_view granted, std::string_view wanted) {
  std::vector<std::string> have = Segments(granted);
  const std::vector<std::string> want = Segments(wanted);
  if (have.back() != "*") return have == want;
  have.pop_back();
  if (want.size() <= have.size()) return false;
  return std::equal(have.begin(), have.end(), want.begin());
}

}  // namespace
}  // namespace claviger

FUZZ_TARGET(scope) {
  using namespace claviger;  // NOLINT(google-build-using-namespace)
  fuzz::Parts parts(input);
  const std::string wanted(parts.Line());
  FUZZ_CHECK(IsValidRequiredScope(wanted) == IsScope(wanted, false));
  FUZZ_CHECK(IsValidGrantedScope(wanted) == IsScope(wanted, true));

  std::vector<std::string> granted;
  bool all_valid = true;
  while (!parts.empty()) {
    granted.emplace_back(parts.Line());
    all_valid = all_valid && IsScope(granted.back(), true);
  }
  const auto set = ScopeSet::Create(granted, "scopes");
  FUZZ_CHECK(set.ok() == (all_valid && granted.size() <= kMaxScopesPerKey));
  if (!set.ok()) return;
  // Making it again from what it holds changes nothing.
  FUZZ_CHECK(*ScopeSet::Create(set->scopes(), "scopes") == *set);
  FUZZ_CHECK(set->CoversAll(*set));
  for (const std::string& scope : granted) {
    FUZZ_CHECK(set->Contains(scope));
    FUZZ_CHECK(set->Covers(scope));
  }
  if (!IsValidGrantedScope(wanted)) return;
  bool covered = false;
  for (const std::string& scope : granted) {
    FUZZ_CHECK(ScopeCovers(scope, wanted) == Covers(scope, wanted));
    covered = covered || Covers(scope, wanted);
  }
  FUZZ_CHECK(set->Covers(wanted) == covered);
  if (!IsValidRequiredScope(wanted)) return;
  // What decides agrees.
  const std::vector<Cidr> anywhere;
  const DecisionSubject key{.project_id = "p", .scopes = *set, .allowed_cidrs = anywhere};
  const std::string_view required[] = {wanted};
  const Requirements check{.required_scopes = required};
  FUZZ_CHECK((Decide(key, check, absl::UnixEpoch()) == VerifyCode::kValid) == covered);
  FUZZ_CHECK(MissingScopes(key, check).empty() == covered);
}
