// What the callers of a server have asked for and what they were told: kept outside of the server,
// which is killed now and then.
#ifndef CLAVIGER_TESTS_CRASH_LEDGER_H_
#define CLAVIGER_TESTS_CRASH_LEDGER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "claviger/v1/key.pb.h"
#include "claviger/v1/key_authority.pb.h"
#include "claviger/v1/key_lifecycle.pb.h"
#include "claviger/v1/project.pb.h"
#include "client/cli/audit_check.h"

namespace claviger::crash {

// Where most keys are.
inline constexpr char kDefaultProject[] = "default";

// The label that lists are asked for by.
inline constexpr char kBatchLabel[] = "batch";

// Made the keys that were there before the run: the root key. It is checked each time.
inline constexpr uint32_t kNobody = 0xffffffff;

// What must not be.
enum class ViolationKind : uint8_t {
  kLost,        // acknowledged, and not there
  kHalf,        // there in part: a record without its audit entry, one of two keys, …
  kGhost,       // there, and nobody asked for it
  kDuplicate,   // more than one of what was asked for once
  kAccepted,    // a check let in what was stopped
  kAudit,       // the audit log is not whole
  kIndex,       // a list lacks a key, or has one that is not of it
  kWrongAnswer  // a call was answered with something else than was asked for
};
std::string_view ViolationKindName(ViolationKind kind);

struct Violation {
  ViolationKind kind;
  std::string what;
};

// What a call does to one key.
struct Effect {
  std::string key_id;   // empty: it makes a key
  v1::Key wanted;       // afterwards, as in key_model.h
  std::string text;     // of a key that is imported
  std::string told_id;  // of a key that was made, once the answer told it
};

struct ProjectEffect {
  std::string project_id;
  std::optional<v1::Project> wanted;  // nullopt: it is gone
};

// One call.
struct Call {
  uint32_t caller = 0;
  // The audit log's name for it, and the project that its entries are about.
  std::string action;
  std::string project_id;
  std::vector<Effect> effects;
  // All effects are one change, whose audit entry names the first key. Else each is one of its own.
  bool whole = false;
  std::optional<ProjectEffect> project;
  // Of a call that may be asked again under the same request id.
  std::variant<std::monostate, v1::IssueKeyRequest, v1::RotateKeyRequest> request;
  // Of a call that was made before, and is known to have made this key: it must not make another.
  std::string made_id;
  bool is_retry = false;
};

struct KeyEntry {
  v1::Key key;       // as acknowledged, or as found where nobody was told
  std::string text;  // empty: not known yet
  uint32_t caller = 0;
  bool doomed = false;  // its project was deleted
};

// An entry that the audit log must have.
struct AuditMark {
  std::string action;
  std::string project_id;
  std::string key_id;
  uint64_t revision = 0;  // 0: not told
};

struct Counts {
  uint64_t acknowledged = 0;        // changes
  uint64_t lost = 0;                // of these
  uint64_t unanswered = 0;          // calls
  uint64_t unanswered_present = 0;  // changes that nobody was told of, and that are there
  uint64_t unanswered_absent = 0;
  uint64_t retries_of_present = 0;  // that got the key that was made before
  uint64_t retries_of_absent = 0;   // that made the key
};

// Everything that is known. Keys by their ids.
struct Book {
  // A key that was not known before.
  void Add(uint32_t caller, const v1::Key& key, const std::string& text);

  std::string epoch;  // empty: not known yet
  std::map<std::string, KeyEntry> keys;
  // By caller, in the order in which they were told of or found.
  std::map<uint32_t, std::vector<std::string>> ids_of;
  std::map<std::string, v1::Project> projects;
  // Sent and not settled: not answered, or answered without the records that came of it.
  std::map<uint64_t, Call> open;
  std::set<uint64_t> answered;  // of these
  // Since the last settlement.
  std::vector<AuditMark> marks;
  std::set<std::string> touched_keys;
  std::set<std::string> touched_owners;
  std::set<std::string> touched_batches;
  std::set<std::string> touched_projects;
  // To be asked again under their request ids.
  std::vector<Call> retries;
  // Answered under request ids, the latest last.
  std::vector<Call> remembered;
  std::vector<Violation> violations;
  // The first failure that no kill explains.
  absl::Status unexplained;
  // Has read the log up to here.
  cli::AuditCheck audit{std::nullopt};
  uint64_t audit_revision = 0;
  Counts counts;
};

// Thread safety: all methods may be called from any thread at once, but for `book`.
class Ledger {
 public:
  Ledger() = default;
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // Before the call is made. Returns its number.
  uint64_t Send(Call call);

  // After it was answered with OK: with the records, in the order of the effects, and with the text
  // of the key that it made, if it made one.
  void AnsweredWithKeys(uint64_t number, const std::vector<v1::Key>& keys, const std::string& text);
  void AnsweredWithProject(uint64_t number, const v1::Project& project);
  // With the ids of the keys that it made, in the order of the effects, or with nothing.
  void Answered(uint64_t number, const std::vector<std::string>& told_ids);
  // With something else than was asked for.
  void AnsweredWrongly(uint64_t number, std::string what);
  // It failed, and nothing that was done to the server explains it.
  void Unexplained(uint64_t number, const absl::Status& why);

  // Keys that this caller made, at most `count`, at random, but the latest among them. None is part
  // of an open call.
  std::vector<v1::Key> Choose(uint32_t caller, size_t count, std::mt19937_64& random) const;
  // The projects that this caller made.
  std::vector<v1::Project> ProjectsOf(uint32_t caller) const;
  // The calls of this caller that are to be made again.
  std::vector<Call> TakeRetries(uint32_t caller);
  // One of the last calls of anybody that were answered under a request id.
  std::optional<Call> ChooseRemembered(std::mt19937_64& random) const;

  // REQUIRES: no other method is running, nor will until the last use of it.
  Book& book() ABSL_NO_THREAD_SAFETY_ANALYSIS { return book_; }

 private:
  Call Take(uint64_t number) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CheckRepeated(const Call& call, const v1::Key& key, const std::string& text)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  Book book_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_number_ ABSL_GUARDED_BY(mutex_) = 1;
};

// `p3-…`: of the projects that a caller makes.
std::string ProjectPrefixOf(uint32_t caller);

// `IssueKey of caller 3`, with the key or project where it names one.
std::string Describe(const Call& call);

}  // namespace claviger::crash

#endif  // CLAVIGER_TESTS_CRASH_LEDGER_H_
