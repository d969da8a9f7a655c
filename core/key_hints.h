// Which key a text was found to be: hints that spare a search, for texts that do not name their key
// themselves.
#ifndef CLAVIGER_CORE_KEY_HINTS_H_
#define CLAVIGER_CORE_KEY_HINTS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "core/digest.h"
#include "core/key_format.h"

namespace claviger {

// From the hash of a whole text to a key id. Only a hint: whoever follows one still has to see that
// the key there has this hash, so that an entry that is wrong or out of date costs a search and
// nothing else. A bounded table of small sets that takes memory only once something is put into it.
//
// Thread safety: all methods may be called from any thread at once; those of different shards share
// no lock.
class KeyHints {
 public:
  // Holds `capacity` hints or a few more; at least 256.
  explicit KeyHints(size_t capacity);

  std::optional<KeyId> Find(const KeyHash& hash) const;
  // Takes the place of what `hash` led to before, or of another hint where its set is full.
  void Put(const KeyHash& hash, const KeyId& id);

 private:
  static constexpr size_t kWays = 4;
  static constexpr size_t kShards = 64;

  struct Hint {
    KeyHash hash;
    KeyId id;  // 16 zeros: free
    mutable std::atomic<bool> referenced{false};
  };
  struct Set {
    std::array<Hint, kWays> hints;
    size_t hand = 0;
  };
  struct alignas(64) Shard {
    mutable absl::Mutex mutex;
    std::vector<Set> sets ABSL_GUARDED_BY(mutex);  // empty until something is put here
  };

  // Where the hint of a hash is.
  struct Place {
    size_t shard;
    size_t set;
  };
  Place PlaceOf(const KeyHash& hash) const;

  const size_t sets_per_shard_;
  std::array<Shard, kShards> shards_;
};

}  // namespace claviger

#endif  // CLAVIGER_CORE_KEY_HINTS_H_
