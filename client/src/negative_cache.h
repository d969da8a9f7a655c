// Keys that the authority said do not exist: a short memory, so that a caller who tries the same
// bad key again and again does not cost the authority a call each time.
#ifndef CLAVIGER_CLIENT_SRC_NEGATIVE_CACHE_H_
#define CLAVIGER_CLIENT_SRC_NEGATIVE_CACHE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/digest.h"
#include "core/key_format.h"

namespace claviger::client {

// NOT_FOUND answers by key id and hash, each for at most two seconds (I15). A fixed table of small
// sets: a flood of bad keys pushes out bad keys only, and takes no more memory than none.
//
// Thread safety: all methods may be called from any thread at once.
class NegativeCache {
 public:
  static constexpr absl::Duration kMaxAge = absl::Seconds(2);

  // Holds `capacity` answers or a few more; at least 256.
  explicit NegativeCache(size_t capacity = 16'384);

  // Whether this key was said not to exist, not longer than `kMaxAge` before `now`.
  bool Contains(const KeyId& id, const KeyHash& hash, absl::Duration now) const;

  // `asked_at`: when the question was sent, on the scale of Clock::SinceBoot.
  void Insert(const KeyId& id, const KeyHash& hash, absl::Duration asked_at);

  // Drops the answers about `id`, whatever the hash: the key may exist now.
  void Evict(const KeyId& id);
  void Flush();

 private:
  static constexpr size_t kWays = 4;
  static constexpr size_t kShards = 16;

  struct Answer {
    KeyId id;
    KeyHash hash;
    absl::Duration end = -absl::InfiniteDuration();  // before any time: free
  };
  using Set = std::array<Answer, kWays>;
  struct alignas(64) Shard {
    mutable absl::Mutex mutex;
    std::vector<Set> sets ABSL_GUARDED_BY(mutex);
  };

  // Where the answers about an id are.
  struct Place {
    size_t shard;
    size_t set;
  };
  Place PlaceOf(const KeyId& id) const;

  const size_t sets_per_shard_;
  std::array<Shard, kShards> shards_;
};

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_NEGATIVE_CACHE_H_
