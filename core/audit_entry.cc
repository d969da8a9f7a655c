#include "core/audit_entry.h"

#include <cstdint>

#include "absl/strings/numbers.h"
#include "fmt/format.h"

namespace claviger {
namespace {

constexpr std::string_view kDomain("claviger.audit.v1\0", 18);

void AppendBigEndian(uint64_t number, int bytes, std::string& out) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(number >> shift & 0xff));
  }
}

void AppendText(std::string_view text, std::string& out) {
  AppendBigEndian(text.size(), 4, out);
  out.append(text);
}

// The value of a lower-case hexadecimal digit, or -1.
int DigitValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

}  // namespace

std::string CanonicalAuditEntry(const AuditEntry& entry) {
  std::string out(kDomain);
  AppendBigEndian(entry.revision.value, 8, out);
  AppendBigEndian(static_cast<uint64_t>(absl::ToUnixNanos(entry.time)), 8, out);
  const AuditDraft& draft = entry.draft;
  for (const std::string* text : {&draft.actor, &draft.peer, &draft.action, &draft.project_id,
                                  &draft.key_id, &draft.detail, &draft.refusal}) {
    AppendText(*text, out);
  }
  out.append(AsBytes(entry.previous_hash));
  return out;
}

Sha256Bytes HashAuditEntry(const AuditEntry& entry) { return Sha256(CanonicalAuditEntry(entry)); }

std::string AuditHead::ToString() const {
  return fmt::format("{}:{}", revision.value, ToHex(AsBytes(hash)));
}

std::optional<AuditHead> AuditHead::Parse(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == 0 || colon == std::string_view::npos) return std::nullopt;
  AuditHead head;
  const std::string number(text.substr(0, colon));
  const std::string_view hex = text.substr(colon + 1);
  if (number.find_first_not_of("0123456789") != std::string::npos ||
      !absl::SimpleAtoi(number, &head.revision.value) || hex.size() != 2 * head.hash.size()) {
    return std::nullopt;
  }
  for (size_t i = 0; i < head.hash.size(); ++i) {
    const int high = DigitValue(hex[2 * i]);
    const int low = DigitValue(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    head.hash[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return head;
}

}  // namespace claviger
