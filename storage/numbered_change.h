// A mutation's outcome on its way into a store.
#ifndef CLAVIGER_STORAGE_NUMBERED_CHANGE_H_
#define CLAVIGER_STORAGE_NUMBERED_CHANGE_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "storage/changes.h"

namespace claviger {

// A ChangeSet that got its revision: what a backend writes. Its records carry that revision.
struct NumberedChange {
  // Becomes the answer to the mutation.
  Committed committed;
  // What each of `committed.keys` replaces; null where the key is new.
  std::vector<std::shared_ptr<const KeyRecord>> replaced_keys;
  std::shared_ptr<const RequestRecord> request;  // may be null
  std::map<std::string, KeyDigest> canaries;
  std::vector<std::string> deleted_canaries;
  std::optional<absl::Duration> longest_lease;
  AuditDraft audit;
  absl::Time time;  // of the commit
};

// What the audit log keeps of `change`.
inline AuditEntry AuditEntryOf(const NumberedChange& change, const Sha256Bytes& previous_hash) {
  return {.revision = change.committed.revision,
          .time = change.time,
          .draft = change.audit,
          .previous_hash = previous_hash};
}

// A row of the index of imported keys that is written, or, without an id, goes.
struct ImportedIndexRow {
  KeyDigest digest;
  std::optional<KeyId> id;
};

// What `change` does to that index, in order.
inline std::vector<ImportedIndexRow> ImportedIndexRowsOf(const NumberedChange& change) {
  std::vector<ImportedIndexRow> rows;
  for (size_t i = 0; i < change.committed.keys.size(); ++i) {
    const KeyRecord& key = *change.committed.keys[i];
    const KeyRecord* const replaced = change.replaced_keys[i].get();
    const bool was = replaced != nullptr && replaced->imported.has_value();
    const bool same = was && key.imported.has_value() && Equal(replaced->digest, key.digest);
    if (same) continue;
    if (was) rows.push_back({replaced->digest, std::nullopt});
    if (key.imported.has_value()) rows.push_back({key.digest, key.id});
  }
  for (const auto& key : change.committed.deleted_keys) {
    if (key->imported.has_value()) rows.push_back({key->digest, std::nullopt});
  }
  return rows;
}

// What subscribers are told of `change`.
inline Event EventOf(const Committed& change) {
  Event event{.revision = change.revision, .keys = {}, .projects = {}};
  if (change.unseen_by_verifiers) return event;
  event.projects = change.deleted_projects;
  for (const auto& key : change.deleted_keys) event.keys.emplace_back(key->id, key->project_id);
  for (const auto& key : change.keys) {
    event.keys.emplace_back(key->id, key->project_id);
    event.imports |= key->imported.has_value();
  }
  for (const auto& project : change.projects) event.projects.push_back(project->project_id);
  return event;
}

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_NUMBERED_CHANGE_H_
