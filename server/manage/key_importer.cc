#include "server/manage/key_importer.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "core/status.h"
#include "fmt/format.h"
#include "server/manage/errors.h"
#include "server/manage/permissions.h"
#include "server/manage/policy.h"

namespace claviger {
namespace {

// Rows of one call that wait for the store at a time: enough to fill its batches, and few beside
// what it takes in all.
constexpr size_t kRowsInFlight = 256;

std::string_view FieldOf(ImportAlgorithm algorithm) {
  return algorithm == ImportAlgorithm::kSha256 ? "sha256" : "sha512";
}

// Says nothing about the key that is there.
absl::Status DigestInUse(ImportAlgorithm algorithm) {
  return ErrorBuilder(absl::StatusCode::kAlreadyExists, Reason::kDigestInUse)
      .Build(fmt::format("{}: cannot be imported into this project, because it is in use",
                         FieldOf(algorithm)));
}

// Whether an error is the row's own, and the rows behind it can go on.
bool IsOfRow(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status) ||
         absl::IsAlreadyExists(status);
}

}  // namespace

// One call on its way through its rows.
class KeyImporter::Run : public std::enable_shared_from_this<KeyImporter::Run> {
 public:
  Run(KeyImporter& importer, const Caller& caller, ImportParams params, absl::Duration deadline,
      Done done)
      : importer_(importer),
        caller_(caller),
        params_(std::move(params)),
        deadline_(deadline),
        done_(std::move(done)),
        outcomes_(params_.rows.size()) {}

  // The rows from `first` on, as many as may be in flight; the last of them to end goes on.
  void From(size_t first) {
    const size_t end = std::min(first + kRowsInFlight, params_.rows.size());
    waiting_.store(end - first, std::memory_order_relaxed);
    for (size_t i = first; i < end; ++i) {
      if (!params_.rows[i].ok()) {
        outcomes_[i].rejected = params_.rows[i].status();
        Ended(end);
        continue;
      }
      importer_.runner_.Run<ImportedRow>(
          deadline_, params_.validate_only,
          [this, i](const StateReader& state, ImportedRow& result) {
            return Mutate(state, *params_.rows[i], result);
          },
          [self = shared_from_this(), i, end](absl::StatusOr<ImportedRow> result,
                                              const Committed* /*committed*/) {
            self->Take(i, std::move(result));
            self->Ended(end);
          });
    }
  }

 private:
  // On the store's writer thread, one after another.
  absl::StatusOr<ChangeSet> Mutate(const StateReader& state, const ImportRow& row,
                                   ImportedRow& result) {
    absl::StatusOr<ChangeSet> changes =
        importer_.ImportNow(state, caller_, params_.project_id, row, result);
    if (!changes.ok() || !params_.validate_only) return changes;
    // Nothing is written, so the row before with the same digest is not there to be found.
    const bool first = seen_.insert(fmt::format("{}{}", FieldOf(row.algorithm), row.hash)).second;
    result.already_there |= !first;
    if (!changes->empty()) result.key_id.reset();
    return changes;
  }

  void Take(size_t i, absl::StatusOr<ImportedRow> result) {
    if (result.ok()) {
      outcomes_[i] = *std::move(result);
    } else if (IsOfRow(result.status())) {
      outcomes_[i].rejected = result.status();
    } else {
      absl::MutexLock lock(&mutex_);
      if (failed_.ok()) failed_ = result.status();
    }
  }

  void Ended(size_t next) {
    if (waiting_.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
    absl::Status failed;
    {
      absl::MutexLock lock(&mutex_);
      failed = failed_;
    }
    if (!failed.ok()) return done_(std::move(failed));
    if (next == params_.rows.size()) return done_(std::move(outcomes_));
    From(next);
  }

  KeyImporter& importer_;
  const Caller caller_;
  const ImportParams params_;
  const absl::Duration deadline_;
  Done done_;
  std::vector<ImportedRow> outcomes_;  // each written by the one row that it is for
  std::atomic<size_t> waiting_{0};
  absl::flat_hash_set<std::string> seen_;  // the writer thread's
  absl::Mutex mutex_;
  absl::Status failed_ ABSL_GUARDED_BY(mutex_);
};

KeyImporter::KeyImporter(KeyStore& store, const PepperSet& peppers, RandomSource& random,
                         const Clock& clock)
    : store_(store), peppers_(peppers), random_(random), clock_(clock), runner_(store, clock) {}

void KeyImporter::Import(const Caller& caller, ImportParams params, absl::Duration deadline,
                         Done done) {
  if (absl::Status s = CheckProject(caller, params.project_id); !s.ok()) return done(std::move(s));
  if (params.rows.empty()) return done(std::vector<ImportedRow>());
  std::make_shared<Run>(*this, caller, std::move(params), deadline, std::move(done))->From(0);
}

absl::Status KeyImporter::CheckProject(const Caller& caller, const std::string& project_id) const {
  if (absl::Status s = caller.Require(permission::kKeysImport); !s.ok()) return s;
  if (!caller.IsBoundTo(project_id)) return ProjectNotFound(project_id);
  if (project_id == kManagementProject) {
    // Whoever knows a digest's text would be an operator, by a key that this authority never made.
    return ErrorBuilder(absl::StatusCode::kFailedPrecondition, Reason::kProjectReserved)
        .Field("project_id", "must not be claviger: management keys are issued here only")
        .Build("project_id: nothing can be imported into project claviger");
  }
  absl::StatusOr<std::shared_ptr<const ProjectRecord>> project = store_.FindProject(project_id);
  if (!project.ok()) return project.status();
  return *project == nullptr ? ProjectNotFound(project_id) : absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const KeyRecord>> KeyImporter::FindKnown(
    const StateReader& state, const ImportRow& row) const {
  for (const std::string& pepper_id : peppers_.ids()) {
    const absl::StatusOr<KeyDigest> digest =
        peppers_.ImportedDigest(pepper_id, row.algorithm, row.hash);
    if (!digest.ok()) return digest.status();
    const absl::StatusOr<std::optional<KeyId>> id = state.FindImported(*digest);
    if (!id.ok()) return id.status();
    if (id->has_value()) return state.FindKey(**id);
  }
  return nullptr;
}

absl::StatusOr<ChangeSet> KeyImporter::ImportNow(const StateReader& state, const Caller& caller,
                                                 const std::string& project_id,
                                                 const ImportRow& row, ImportedRow& result) const {
  absl::StatusOr<std::shared_ptr<const ProjectRecord>> project = state.FindProject(project_id);
  if (!project.ok()) return project.status();
  if (*project == nullptr || (*project)->delete_time.has_value()) {
    return ProjectNotFound(project_id);
  }
  absl::StatusOr<std::shared_ptr<const KeyRecord>> known = FindKnown(state, row);
  if (!known.ok()) return known.status();
  if (*known != nullptr) {
    if ((*known)->project_id != project_id) return DigestInUse(row.algorithm);
    // Whatever it has become: a revoked key does not come back by being imported again.
    result.already_there = true;
    result.key_id = (*known)->id;
    return ChangeSet{};
  }
  absl::StatusOr<KeyRecord> key = MakeKey(state, **project, caller, row);
  if (!key.ok()) return key.status();
  result.key_id = key->id;
  ChangeSet changes;
  changes.audit = AuditOf(caller, "ImportKeys", project_id, key->id.ToString(),
                          fmt::format("by {}, {} scopes, {}", FieldOf(row.algorithm),
                                      key->scopes.size(), ExpiryStory(*key)));
  changes.put_keys.push_back(*std::move(key));
  return changes;
}

absl::StatusOr<KeyRecord> KeyImporter::MakeKey(const StateReader& state,
                                               const ProjectRecord& project, const Caller& caller,
                                               const ImportRow& row) const {
  absl::StatusOr<KeyRecord> key = NewKeyRecord(project, caller, row.attributes, clock_.Now());
  if (!key.ok()) return key;
  const absl::StatusOr<KeyId> id = KeyId::Generate(random_);
  if (!id.ok()) return id.status();
  const absl::StatusOr<std::shared_ptr<const KeyRecord>> taken = state.FindKey(*id);
  if (!taken.ok()) return taken.status();
  if (*taken != nullptr) {
    return ErrorBuilder(absl::StatusCode::kInternal, Reason::kInternal)
        .Build("the random source repeated a key id; no key was imported");
  }
  const absl::StatusOr<KeyDigest> digest =
      peppers_.ImportedDigest(peppers_.writing_id(), row.algorithm, row.hash);
  if (!digest.ok()) return digest.status();

  key->id = *id;
  key->prefix = project.key_prefix;
  key->masked_key = row.masked_key;
  key->digest = *digest;
  key->pepper_id = peppers_.writing_id();
  key->imported = row.algorithm;
  return key;
}

}  // namespace claviger
