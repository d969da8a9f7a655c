// An exported audit log as `claviger audit verify --file` reads it, line by line.
#include <string>

#include "client/cli/audit_check.h"
#include "core/audit_entry.h"
#include "tests/fuzz/fuzz.h"

namespace claviger::cli {
namespace {

using Outcome = AuditCheck::Outcome;

AuditCheck::Verdict Verify(std::string_view file, const std::optional<AuditHead>& kept) {
  AuditCheck check(kept);
  fuzz::Parts lines(file);
  while (!lines.empty()) check.AddLine(std::string(lines.Line()));
  return check.Finish();
}

void CheckExport(std::string_view file) {
  const AuditCheck::Verdict verdict = Verify(file, std::nullopt);
  FUZZ_CHECK((verdict.outcome == Outcome::kWhole) == verdict.what.empty());
  if (const auto head = AuditHead::Parse(file); head.has_value()) {
    FUZZ_CHECK(head->ToString() == file);
  }
  if (verdict.outcome != Outcome::kWhole) return;
  // What is whole is whole against its own end, and is not against any other.
  FUZZ_CHECK(AuditHead::Parse(verdict.head.ToString()) == verdict.head);
  if (verdict.head.revision.value == 0) return;
  FUZZ_CHECK(Verify(file, verdict.head).outcome == Outcome::kWhole);
  AuditHead other = verdict.head;
  other.hash[0] ^= 1U;
  FUZZ_CHECK(Verify(file, other).outcome == Outcome::kBroken);
  other = verdict.head;
  ++other.revision.value;
  FUZZ_CHECK(Verify(file, other).outcome == Outcome::kBroken);
  // Without its last line nobody can tell that nothing is missing.
  const std::string_view text = file.substr(0, file.find_last_not_of('\n') + 1);
  const size_t last = text.rfind('\n');
  if (last == std::string_view::npos) return;
  FUZZ_CHECK(Verify(text.substr(0, last + 1), std::nullopt).outcome == Outcome::kBroken);
}

}  // namespace
}  // namespace claviger::cli

FUZZ_TARGET(audit_lines) { claviger::cli::CheckExport(input); }
