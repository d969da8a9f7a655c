// Counts the entries of the audit log as they are made.
#ifndef CLAVIGER_SERVER_AUDIT_ENTRY_COUNTER_H_
#define CLAVIGER_SERVER_AUDIT_ENTRY_COUNTER_H_

#include <span>

#include "server/metrics/audit_metrics.h"
#include "storage/key_store.h"

namespace claviger {

// Thread safety: as CommitListener.
class AuditEntryCounter final : public CommitListener {
 public:
  // `metrics` outlives this.
  explicit AuditEntryCounter(AuditMetrics& metrics) : metrics_(metrics) {}

  void OnCommitted(std::span<const Committed> batch) override {
    for (const Committed& committed : batch) {
      metrics_.CountEntries(committed.refusal ? AuditOutcome::kRefusal : AuditOutcome::kChange, 1);
    }
  }

 private:
  AuditMetrics& metrics_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_AUDIT_ENTRY_COUNTER_H_
