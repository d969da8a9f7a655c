// Checks an audit log without trusting whoever kept it.
#ifndef CLAVIGER_CLIENT_CLI_AUDIT_CHECK_H_
#define CLAVIGER_CLIENT_CLI_AUDIT_CHECK_H_

#include <claviger/v1/audit.pb.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "core/audit_chain.h"

namespace claviger::cli {

// The last line of an export: where the log ended. Ended by a newline. `head` has nothing but
// head_revision (0: the export is partial) and head_hash.
std::string AuditHeadLine(const v1::ListAuditEventsResponse& head);

// Takes a log entry by entry, or an export line by line.
//
// Thread safety: none.
class AuditCheck {
 public:
  enum class Outcome {
    kWhole,
    kBroken,        // not what was written
    kNotCheckable,  // the export of a caller who does not see the whole log
  };
  struct Verdict {
    Outcome outcome = Outcome::kWhole;
    std::string what;  // for people
    uint64_t entries = 0;
    AuditHead head;  // the last entry that is as it was written
  };

  // `kept`: an end that the log had at some time, from elsewhere.
  explicit AuditCheck(const std::optional<AuditHead>& kept) : kept_(kept) {}

  void AddEvent(const v1::AuditEvent& event);
  // Where the log ends, which comes last.
  void SetHead(const v1::ListAuditEventsResponse& head);
  // A line of an export, without its end.
  void AddLine(const std::string& line);

  Verdict Finish() const;

 private:
  // Notes what is wrong in form, unless something was wrong before.
  void Fail(std::string what);

  const std::optional<AuditHead> kept_;
  AuditChain chain_;
  uint64_t lines_ = 0;
  uint64_t entries_ = 0;
  std::optional<Sha256Bytes> hash_at_kept_;
  std::optional<AuditHead> end_;
  bool partial_head_ = false;
  uint64_t without_hashes_ = 0;        // entries
  uint64_t first_without_hashes_ = 0;  // revision
  std::string failure_;                // of form, found before anything else
};

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_AUDIT_CHECK_H_
