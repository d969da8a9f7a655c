// Brings in keys that were made elsewhere, of which only the digests are known.
#ifndef CLAVIGER_SERVER_MANAGE_KEY_IMPORTER_H_
#define CLAVIGER_SERVER_MANAGE_KEY_IMPORTER_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/clock.h"
#include "core/digest.h"
#include "core/key_record.h"
#include "core/random.h"
#include "server/manage/caller.h"
#include "server/manage/key_manager.h"
#include "server/manage/mutation_runner.h"
#include "storage/key_store.h"

namespace claviger {

// A key to bring in, within the bounds of its fields.
struct ImportRow {
  ImportAlgorithm algorithm = ImportAlgorithm::kSha256;
  std::string hash;  // of the key's whole text: 32 or 64 bytes
  std::string masked_key;
  // Without project, request id and all else that is of the call.
  IssueParams attributes;
};

struct ImportParams {
  std::string project_id;
  // A row that could not be read has its error instead, and is rejected for it.
  std::vector<absl::StatusOr<ImportRow>> rows;
  bool validate_only = false;
};

// What became of a row.
struct ImportedRow {
  absl::Status rejected;        // unless OK
  bool already_there = false;   // nothing was changed
  std::optional<KeyId> key_id;  // once it is a key
};

// Never the bare digest is kept: whoever steals the store cannot compare it with texts or with
// another list of digests.
//
// Thread safety: all methods may be called from any thread at once.
class KeyImporter {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<std::vector<ImportedRow>>)>;

  // All arguments outlive the importer.
  KeyImporter(KeyStore& store, const PepperSet& peppers, RandomSource& random, const Clock& clock);

  // One mutation for each row, in their order. `done` runs once, on a thread of the store or at
  // once, with as many outcomes as there were rows; or with an error when the project cannot be
  // imported into, or when the store or the deadline (on the clock's SinceBoot scale) ends it in
  // between. Then some rows may be imported: the same call again finds them there.
  void Import(const Caller& caller, ImportParams params, absl::Duration deadline, Done done);

 private:
  class Run;

  absl::Status CheckProject(const Caller& caller, const std::string& project_id) const;
  absl::StatusOr<ChangeSet> ImportNow(const StateReader& state, const Caller& caller,
                                      const std::string& project_id, const ImportRow& row,
                                      ImportedRow& result) const;
  // The key with that digest, under whatever pepper; null: none.
  absl::StatusOr<std::shared_ptr<const KeyRecord>> FindKnown(const StateReader& state,
                                                             const ImportRow& row) const;
  absl::StatusOr<KeyRecord> MakeKey(const StateReader& state, const ProjectRecord& project,
                                    const Caller& caller, const ImportRow& row) const;

  KeyStore& store_;
  const PepperSet& peppers_;
  RandomSource& random_;
  const Clock& clock_;
  MutationRunner runner_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_KEY_IMPORTER_H_
