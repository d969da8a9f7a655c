#include "storage/rocksdb/audit_chain.h"

#include <string>

#include "core/status.h"
#include "fmt/format.h"
#include "rocksdb/snapshot.h"
#include "storage/rocksdb/codec.h"

namespace claviger {
namespace {

constexpr std::string_view kDomain("claviger.audit.v1\0", 18);

absl::Status Broken(Revision revision, std::string_view what) {
  return ErrorBuilder(absl::StatusCode::kDataLoss, Reason::kDataCorrupt)
      .Build(fmt::format("the audit log is not what was written: at revision {} {}", revision.value,
                         what));
}

}  // namespace

Sha256Bytes HashAuditValue(std::string_view value) {
  std::string text(kDomain);
  text.append(value);
  return Sha256(text);
}

absl::StatusOr<AuditHead> VerifyAuditChain(const Database& database) {
  rocksdb::ManagedSnapshot snapshot(&database.db());
  rocksdb::ReadOptions options = ScanRead();
  options.snapshot = snapshot.snapshot();

  rocksdb::PinnableSlice state_value;
  const auto found = database.Get(Family::kMeta, kStateRow, state_value, options);
  if (!found.ok()) return found.status();
  const auto state = DecodeState(*found ? AsView(state_value) : std::string_view());
  if (!state.ok()) return state.status();

  AuditHead head;
  const auto it = database.NewIterator(Family::kAudit, options);
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const auto revision = ParseRevisionRow(AsView(it->key()));
    if (!revision || *revision != head.revision.Next()) {
      return Broken(head.revision.Next(), "an entry is missing or out of place");
    }
    const auto entry = DecodeAuditEntry(*revision, AsView(it->value()));
    if (!entry.ok()) return entry.status();
    if (entry->previous_hash != head.hash) {
      return Broken(*revision, "the hash of the entry before does not match");
    }
    head = {.revision = *revision, .hash = HashAuditValue(AsView(it->value()))};
  }
  if (!it->status().ok()) return FromRocksDb(it->status(), "read the audit log");
  if (head.revision != state->revision || head.hash != state->audit_head) {
    return Broken(state->revision, "the last entry is missing or changed");
  }
  return head;
}

}  // namespace claviger
