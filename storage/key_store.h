// The contract of a store of keys. tests/contract/ runs the same cases against every
// implementation.
//
//   store.Commit(
//       [id, now](const StateReader& state) -> absl::StatusOr<ChangeSet> {
//         ASSIGN_OR_RETURN(auto key, state.FindKey(id));
//         ...
//       },
//       [](absl::StatusOr<Committed> result) { ... });
#ifndef CLAVIGER_STORAGE_KEY_STORE_H_
#define CLAVIGER_STORAGE_KEY_STORE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/audit_entry.h"
#include "core/key_record.h"
#include "core/lifecycle.h"
#include "core/revision.h"
#include "storage/changes.h"
#include "storage/usage.h"

namespace claviger {

// Point reads of a state. What does not exist is OK with a null pointer; an error means that the
// store cannot answer (UNAVAILABLE, `STORE_UNAVAILABLE`) or that what it holds is damaged
// (DATA_LOSS, `DATA_CORRUPT`).
//
// Thread safety: all methods may be called from any thread at once, unless an implementation says
// otherwise.
class StateReader {
 public:
  virtual ~StateReader() = default;

  virtual absl::StatusOr<std::shared_ptr<const KeyRecord>> FindKey(const KeyId& id) const = 0;
  virtual absl::StatusOr<std::shared_ptr<const ProjectRecord>> FindProject(
      const std::string& project_id) const = 0;
  // The key that was imported with this digest (PepperSet::ImportedDigest); nullopt: there is none.
  virtual absl::StatusOr<std::optional<KeyId>> FindImported(const KeyDigest& digest) const = 0;
  virtual absl::StatusOr<bool> ProjectHasKeys(const std::string& project_id) const = 0;
  // Null also for a request that expired before `now`.
  virtual absl::StatusOr<std::shared_ptr<const RequestRecord>> FindRequest(
      const std::string& id, absl::Time now) const = 0;
  // The digests that show which peppers the store was written with, by pepper id.
  virtual absl::StatusOr<std::map<std::string, KeyDigest>> Canaries() const = 0;
  // The longest lease that a verifier may have been given by this or an earlier process; zero when
  // there was none.
  virtual absl::StatusOr<absl::Duration> LongestLease() const = 0;
};

// A function of the current state that gives changes or an error. Called once, on the store's
// writer thread, with the state after all mutations before it, committed or in the same batch. It
// must not block and must not call the store other than through the reader. After an error nothing
// of it is written.
using Mutation = absl::AnyInvocable<absl::StatusOr<ChangeSet>(const StateReader& state)>;

// Called exactly once, in order, on a thread of the store (or on the caller's when the mutation was
// not even queued). Must not block. OK means durable and visible to every read that begins later.
using CommitDone = absl::AnyInvocable<void(absl::StatusOr<Committed>)>;

// Is told of every committed mutation that changed something, in the order of revisions, on the
// writer thread, after it is durable and visible to reads and before `applied_revision` counts it
// and any of its batch's CommitDone runs: a cache that listens is never behind the revision that an
// answer carries.
class CommitListener {
 public:
  virtual ~CommitListener() = default;

  // REQUIRES: does not block, does not call the store's Commit or Close.
  virtual void OnCommitted(std::span<const Committed> batch) = 0;
};

// A place among keys by create time.
struct KeyCursor {
  absl::Time create_time;
  KeyId id;

  friend bool operator==(const KeyCursor&, const KeyCursor&) = default;
};

// Newest first: create time descending, then id ascending. `oldest_first` is the exact reverse.
// At most one of `owner` and `label` is given.
struct KeyScan {
  std::string project_id;          // empty: all projects
  std::optional<KeyCursor> after;  // begin behind it
  bool oldest_first = false;
  std::optional<std::string> owner = std::nullopt;  // only this owner's; not empty
  // Only keys with this label, name and value.
  std::optional<std::pair<std::string, std::string>> label = std::nullopt;
  // Gets the keys whose records are damaged, which would end the scan with DATA_LOSS otherwise.
  std::function<void(const KeyId&, const absl::Status&)> unreadable = {};
};

// A place among keys by expire time.
struct ExpiryCursor {
  absl::Time expire_time;
  KeyId id;

  friend bool operator==(const ExpiryCursor&, const ExpiryCursor&) = default;
};

// Keys of all projects, whatever their state, that expire at `from` or later and before `until`; by
// expire time, then by id. `latest_first` is the exact reverse.
struct ExpiryScan {
  absl::Time from = absl::InfinitePast();
  absl::Time until = absl::InfiniteFuture();
  std::optional<ExpiryCursor> after;  // begin behind it
  bool latest_first = false;
};

// A place among keys by delete time.
struct DeletionCursor {
  absl::Time delete_time;
  KeyId id;

  friend bool operator==(const DeletionCursor&, const DeletionCursor&) = default;
};

// Deleted keys of all projects whose delete time is `until` or earlier; by delete time, then by id.
struct DeletionScan {
  absl::Time until;
  std::optional<DeletionCursor> after;  // begin behind it
};

// Returns false to stop the scan.
using KeyVisitor = std::function<bool(const KeyRecord&)>;
using ProjectVisitor = std::function<bool(const ProjectRecord&)>;

// Numbers for gauges.
struct StoreStats {
  std::map<KeyState, uint64_t> keys;  // by state at the time asked for; every state is present
  uint64_t bytes_on_disk = 0;         // 0 where nothing is on disk
  uint64_t free_bytes = 0;            // on that disk
  // Keys that are neither revoked nor deleted, by the pepper of their digest; peppers of none are
  // absent. The others never verify again, so that they need no pepper.
  std::map<std::string, uint64_t> keys_by_pepper;
};

// The disk under a store; all zero where nothing is on disk. In bytes.
struct DiskSpace {
  uint64_t free_bytes = 0;
  // Set aside, to be given up when nothing else is left; and as much as it is when it is whole.
  uint64_t ballast_bytes = 0;
  uint64_t full_ballast_bytes = 0;
  // Growth is refused while less is free.
  uint64_t growth_mark = 0;
  // Reductions are refused while less is free, with the ballast.
  uint64_t reduction_mark = 0;
  // Tables are not merged, for want of room.
  bool compaction_waits = false;
};

// Whether a store takes mutations. Reads go on being served in any case.
struct StoreHealth {
  // OK, or why mutations are refused until the store is opened again.
  absl::Status writable = absl::OkStatus();
  // OK, or why mutations of that Admission are refused now: RESOURCE_EXHAUSTED `STORE_FULL` until
  // there is room on the disk.
  absl::Status growth = absl::OkStatus();
  absl::Status reduction = absl::OkStatus();
  // OK, or DATA_LOSS `DATA_CORRUPT`: damage that the store met at its own work. Changes are taken
  // all the same, and reads of all that is not damaged served.
  absl::Status damage = absl::OkStatus();
  DiskSpace disk = {};
};

// One group commit, for metrics.
struct BatchStats {
  size_t mutations = 0;    // that changed something
  absl::Duration latency;  // from taking the batch to its durability
};
using BatchObserver = std::function<void(const BatchStats&)>;

// Keys, projects and their history.
//
// Thread safety: all methods may be called from any thread at once, except AddListener and Close.
// Reads see every mutation whose CommitDone was called, or that `applied_revision` counted, before
// the read began.
class KeyStore : public StateReader {
 public:
  // Constant while the store is open.
  virtual Epoch epoch() const = 0;
  // Every read that begins after this call reflects all changes up to the returned revision.
  virtual Revision applied_revision() const = 0;
  // The latest wall time at which something was committed, over restarts too; InfinitePast before
  // the first. A clock that shows less was set back.
  virtual absl::Time highest_time_seen() const = 0;

  // False only while no key was ever imported, or all that were are gone since before the store was
  // opened. Costs nothing: tells whether FindImported is worth asking. True, once a mutation put
  // one, for every listener that is told of it.
  virtual bool has_imported_keys() const = 0;

  // Queues a mutation; never blocks. `done` gets the mutation's own error, or UNAVAILABLE:
  // `OVERLOADED` (queue full), `STORE_UNAVAILABLE` (read-only after a write error: the mutation may
  // or may not be there after a restart), `SHUTTING_DOWN`; or RESOURCE_EXHAUSTED `STORE_FULL`. With
  // any error nothing became visible.
  virtual void Commit(Mutation mutation, CommitDone done) = 0;

  // REQUIRES: called before the first Commit. `listener` outlives Close.
  virtual void AddListener(CommitListener* listener) = 0;

  // Visits keys in order, over a state that does not change meanwhile; by an index, so that the
  // cost is that of what is visited. Blocks on I/O: not for gRPC threads.
  virtual absl::Status ScanKeys(const KeyScan& scan, const KeyVisitor& visit) const = 0;
  // The same, by expire time. Keys that never expire are not visited.
  virtual absl::Status ScanExpiring(const ExpiryScan& scan, const KeyVisitor& visit) const = 0;
  // How many keys that are neither disabled, revoked nor deleted expire at `from` or later and
  // before each of `until`, which ascend. Costs a step for each key in the longest of these spans,
  // but reads no record. Blocks on I/O.
  virtual absl::StatusOr<std::vector<uint64_t>> CountExpiring(
      absl::Time from, std::span<const absl::Time> until) const = 0;
  // Visits projects by id, ascending, behind `after`. Blocks on I/O.
  virtual absl::Status ScanProjects(const std::string& after,
                                    const ProjectVisitor& visit) const = 0;

  // Visits deleted keys in order, over a state that does not change meanwhile. What lies before
  // `after` costs nothing, not even where it was purged a moment ago. Blocks on I/O.
  virtual absl::Status ScanDeletedKeys(const DeletionScan& scan, const KeyVisitor& visit) const = 0;

  // The events behind `after`, in order, at most `limit`. OUT_OF_RANGE when some of them are
  // trimmed away.
  virtual absl::StatusOr<std::vector<Event>> ReadEvents(Revision after, size_t limit) const = 0;

  // Entries of the audit log, at most `limit`: those behind `after`, oldest first; and those before
  // `before`, newest first. There is one for each revision; DATA_LOSS `DATA_CORRUPT` names the one
  // that is missing. Block on I/O.
  virtual absl::StatusOr<std::vector<AuditEntry>> ReadAudit(Revision after, size_t limit) const = 0;
  virtual absl::StatusOr<std::vector<AuditEntry>> ReadAuditBackwards(Revision before,
                                                                     size_t limit) const = 0;
  // The end of the audit log: at least as far as `applied_revision` said before the call.
  virtual absl::StatusOr<AuditHead> ReadAuditHead() const = 0;
  // Adds to the counts and last uses. Not a mutation: it takes no revision and no turn of the
  // writer thread, is not in the history, and a crash may lose the last seconds of it. What
  // concerns keys that do not exist leaves nothing. Blocks on I/O. UNAVAILABLE `STORE_UNAVAILABLE`:
  // part of it may be there. DATA_LOSS `DATA_CORRUPT`: all of it is, but for keys whose rows cannot
  // be read.
  virtual absl::Status AddUsage(std::span<const UsageDelta> deltas) = 0;
  // The hours from `first` to `last` in which there were checks, ascending, as far back as counts
  // are kept. Blocks on I/O.
  virtual absl::StatusOr<std::vector<UsageRow>> ReadUsage(const UsageSubject& subject,
                                                          UsageHour first,
                                                          UsageHour last) const = 0;
  // By id, in the order of `ids`; nullopt: not known. Each costs about as much as FindKey.
  virtual absl::StatusOr<std::vector<std::optional<LastUse>>> FindLastUses(
      std::span<const KeyId> ids) const = 0;

  // May cost a scan of what expired: for a timer, not for a call. Blocks on I/O.
  virtual absl::StatusOr<StoreStats> Stats(absl::Time now) const = 0;
  // Remembered requests that have not expired at `now`, by the pepper that sealed them; peppers of
  // none are absent. Scans all requests. Blocks on I/O.
  virtual absl::StatusOr<std::map<std::string, uint64_t>> RequestsByPepper(
      absl::Time now) const = 0;
  // Costs some microseconds.
  virtual StoreHealth health() const = 0;
  // Sets disk space aside again that was given up, once there is room. For a timer. Blocks on I/O.
  virtual absl::Status RestoreBallast() { return absl::OkStatus(); }

  // Finishes what is queued, refuses what comes later (`SHUTTING_DOWN`), and makes everything
  // durable. Idempotent.
  virtual void Close() = 0;
};

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_KEY_STORE_H_
