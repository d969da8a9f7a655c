#include "core/audit_chain.h"

#include <algorithm>

#include "fmt/format.h"

namespace claviger {

void AuditChain::Add(const AuditEntry& entry, const Sha256Bytes& claimed_hash) {
  highest_ = std::max(highest_, entry.revision);
  const Revision expected = head_.revision.Next();
  if (kind_ != Kind::kNone) {
    expected_later_ = expected_later_ || entry.revision == expected;
    return;
  }
  const Sha256Bytes hash = HashAuditEntry(entry);
  if (entry.revision != expected) {
    // An entry out of place has a hash that fits; one whose number was changed has not.
    kind_ = hash == claimed_hash ? Kind::kWrongPlace : Kind::kEdited;
    found_ = entry.revision;
  } else if (hash != claimed_hash) {
    kind_ = Kind::kEdited;
    found_ = expected;
  } else if (entry.previous_hash != head_.hash) {
    kind_ = Kind::kRelinked;
  } else {
    head_ = {.revision = entry.revision, .hash = hash};
  }
}

std::optional<AuditChain::Fault> AuditChain::FaultAgainst(
    const std::optional<AuditHead>& end) const {
  const uint64_t expected = head_.revision.value + 1;
  const auto fault = [](uint64_t revision, std::string what) {
    return Fault{.revision = {revision}, .what = fmt::format("revision {}: {}", revision, what)};
  };
  switch (kind_) {
    case Kind::kNone:
      break;
    case Kind::kEdited:
      if (found_.value == expected) {
        return fault(expected, "the entry was edited: its content does not have its hash");
      }
      return fault(expected,
                   fmt::format("an edited entry stands in its place, which says it is revision {}",
                               found_.value));
    case Kind::kRelinked:
      return fault(expected,
                   "the entry does not follow the one before: one of the two was replaced");
    case Kind::kWrongPlace:
      if (found_.value < expected) {
        return fault(found_.value, fmt::format("the entry stands out of order, behind revision {}",
                                               head_.revision.value));
      }
      if (expected_later_) {
        return fault(expected, fmt::format("entries are out of order: revision {} stands before it",
                                           found_.value));
      }
      if (found_.value == expected + 1) return fault(expected, "the entry is missing");
      return fault(expected, fmt::format("the entries from here to revision {} are missing",
                                         found_.value - 1));
  }
  if (!end.has_value() || *end == head_) return std::nullopt;
  if (end->revision > head_.revision) {
    return fault(expected, fmt::format("cut off at the end: the log goes on to revision {}",
                                       end->revision.value));
  }
  if (end->revision < head_.revision) {
    return fault(end->revision.value + 1, "an entry stands behind the end of the log");
  }
  return fault(end->revision.value, "the last entry was replaced: the log's end has another hash");
}

}  // namespace claviger
