// What a mutation gives to the store, and what the store tells about it afterwards.
#ifndef CLAVIGER_STORAGE_CHANGES_H_
#define CLAVIGER_STORAGE_CHANGES_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "core/audit_entry.h"
#include "core/digest.h"
#include "core/key_record.h"
#include "core/revision.h"

namespace claviger {

// The remembered answer to a call with a `request_id`.
struct RequestRecord {
  std::string id;              // names caller and request id; opaque here
  Sha256Bytes arguments_hash;  // of everything else in the request
  KeyId key_id;                // the key that the call made
  std::string pepper_id;       // whose derived key sealed the secret
  std::string sealed_secret;   // `Seal` of the raw key
  absl::Time expire_time;      // from here on the store answers as if it were not there
};

// Whether a change is let in when the disk is nearly full.
enum class Admission : uint8_t {
  kGrowth,     // refused first: makes the store larger
  kReduction,  // let in to the last: takes access away (revoke, disable, narrow, delete)
};

// All writes of one mutation; they happen together or not at all. Without any write the mutation
// takes no revision. A key or project stands in it at most once. What an existing key cannot do
// (change project or create time, lose its revocation, go for good while it is not deleted) is
// refused with INTERNAL. A key that is not revoked is refused in a project that was deleted:
// NOT_FOUND `PROJECT_NOT_FOUND`.
struct ChangeSet {
  std::vector<KeyRecord> put_keys;
  std::vector<KeyId> delete_keys;  // for good, with all that hangs on them but their history
  std::vector<ProjectRecord> put_projects;
  std::vector<std::string> delete_projects;
  std::optional<RequestRecord> put_request;
  std::map<std::string, KeyDigest> put_canaries;  // by pepper id
  std::vector<std::string> delete_canaries;       // of peppers that nothing needs any more
  // How long leases given to verifiers may outlive this process; see StateReader::LongestLease.
  std::optional<absl::Duration> put_longest_lease;
  AuditDraft audit;
  // The audit entry is all there is to write: it takes a revision of its own.
  bool only_audit = false;
  // No verifier needs to hear of it: nothing that decides or that comes with a grant has changed.
  bool unseen_by_verifiers = false;
  Admission admission = Admission::kGrowth;

  bool empty() const {
    return !only_audit && put_keys.empty() && delete_keys.empty() && put_projects.empty() &&
           delete_projects.empty() && !put_request.has_value() && put_canaries.empty() &&
           delete_canaries.empty() && !put_longest_lease.has_value();
  }
};

// A mutation after its commit. `revision` is its own, or, when it changed nothing, that of the
// state it saw.
struct Committed {
  Revision revision;
  bool changed = false;
  std::vector<std::shared_ptr<const KeyRecord>> keys;
  std::vector<std::shared_ptr<const KeyRecord>> deleted_keys;  // as they were
  std::vector<std::shared_ptr<const ProjectRecord>> projects;
  std::vector<std::string> deleted_projects;
  bool unseen_by_verifiers = false;
  bool only_audit = false;  // its audit entry is all that there is of it
  bool refusal = false;     // and that entry is of a call that was refused
};

// What a revision changed, as kept for subscribers that resume.
struct Event {
  Revision revision;
  std::vector<std::pair<KeyId, std::string>> keys;  // with their project
  std::vector<std::string> projects;                // changed or deleted
  // One of the keys was made elsewhere. Not kept: see KeyStore::has_imported_keys.
  bool imports = false;
};

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_CHANGES_H_
