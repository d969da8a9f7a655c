// What must be true of peppers and store before the first call is taken, and the first start of a
// new store.
#ifndef CLAVIGER_SERVER_APP_BOOTSTRAP_H_
#define CLAVIGER_SERVER_APP_BOOTSTRAP_H_

#include <filesystem>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/clock.h"
#include "core/digest.h"
#include "core/key_format.h"
#include "core/random.h"
#include "storage/key_store.h"

namespace claviger {

inline constexpr char kRootKeyFile[] = "root.key";

// The peppers in `file`. With `make_missing` a file with one new pepper is made where there is
// none. Errors name the file.
absl::StatusOr<PepperSet> LoadPeppers(const std::filesystem::path& file, bool make_missing,
                                      RandomSource& random);

// OK when `peppers` has every pepper that something in the store needs at `now`, and none has other
// bytes than before; else FAILED_PRECONDITION naming the ids that are missing, with what needs
// them, or that differ. Leaves a canary for peppers that are new, and none of those that are gone.
// To be called on a store that was bootstrapped, before any call is taken.
absl::Status CheckPeppers(KeyStore& store, const PepperSet& peppers, absl::Time now);

// On a store without projects: makes `claviger` and `default`, and one key that may do everything,
// which is written to `root_key_file` (mode 0600, the key and nothing else). Returns whether it
// did. The file is durable before the key exists: a crash in between leaves a file that the next
// start replaces, never a store that nobody has a key to.
absl::StatusOr<bool> BootstrapIfNew(KeyStore& store, const PepperSet& peppers, RandomSource& random,
                                    const Clock& clock, const std::filesystem::path& root_key_file);

// Makes one more key that may do everything, in a store that was bootstrapped, and writes it to
// `root_key_file` as BootstrapIfNew does. `why` is for the audit entry. Its id.
absl::StatusOr<KeyId> AddRootKey(KeyStore& store, const PepperSet& peppers, RandomSource& random,
                                 const Clock& clock, const std::filesystem::path& root_key_file,
                                 std::string why);

// Leaves an audit entry that says that an older state was taken for the right one.
absl::Status RecordOlderState(KeyStore& store);
// The same of a backup that was restored; `detail` says which.
absl::Status RecordRestore(KeyStore& store, std::string detail);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_APP_BOOTSTRAP_H_
