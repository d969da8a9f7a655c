// Finds where an audit log is not what was written.
#ifndef CLAVIGER_CORE_AUDIT_CHAIN_H_
#define CLAVIGER_CORE_AUDIT_CHAIN_H_

#include <optional>
#include <string>

#include "core/audit_entry.h"

namespace claviger {

// Checks entries one after the other, from the first of the log on. What is found first is kept:
// from there on nothing can be said of the rest, but whether it has the entry that is missing.
//
//   AuditChain chain;
//   for (…) chain.Add(entry, claimed_hash);
//   if (const auto fault = chain.FaultAgainst(head)) …
//
// Thread safety: none.
class AuditChain {
 public:
  struct Fault {
    Revision revision;  // where
    std::string what;   // for people; begins with `revision N`
  };

  // The next entry, with the hash that the log says it has.
  void Add(const AuditEntry& entry, const Sha256Bytes& claimed_hash);

  // What is wrong, up to the last entry that was added. Nothing was cut off at the end if that is
  // `end`, the log's own last entry, or unset: unknown.
  std::optional<Fault> FaultAgainst(const std::optional<AuditHead>& end) const;

  // The last entry that is as it was written.
  const AuditHead& head() const { return head_; }

 private:
  enum class Kind { kNone, kEdited, kWrongPlace, kRelinked };

  Kind kind_ = Kind::kNone;
  Revision found_;               // with kWrongPlace: the one that stands in the place of the next
  bool expected_later_ = false;  // with kWrongPlace: the expected one stood further on
  Revision highest_;
  AuditHead head_;
};

}  // namespace claviger

#endif  // CLAVIGER_CORE_AUDIT_CHAIN_H_
