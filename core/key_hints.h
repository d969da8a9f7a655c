// Which key a text was found to be: hints that spare a search, for texts that do not name their key
// themselves.
#ifndef CLAVIGER_CORE_KEY_HINTS_H_
#define CLAVIGER_CORE_KEY_HINTS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/digest.h"
#include "core/key_format.h"

namespace claviger {

// From the hash of a whole text to a key id. Only a hint: whoever follows one still has to see that
// the key there has this hash, so that an entry that is wrong or out of date costs a search and
// nothing else. A bounded table of small sets that takes memory only once something is put into it:
// 64 bytes a hint.
//
// Thread safety: all methods may be called from any thread at once. None takes a lock. Where two
// threads write the same place at once, what stands there may lead nowhere.
class KeyHints {
 public:
  // Holds `capacity` hints or a few more; at least 256.
  explicit KeyHints(size_t capacity);
  // REQUIRES: nobody calls.
  ~KeyHints();
  KeyHints(const KeyHints&) = delete;
  KeyHints& operator=(const KeyHints&) = delete;

  std::optional<KeyId> Find(const KeyHash& hash) const;
  // Takes the place of what `hash` led to before, or of another hint where its set is full.
  void Put(const KeyHash& hash, const KeyId& id);

 private:
  static constexpr size_t kWays = 4;
  static constexpr size_t kShards = 64;
  static constexpr size_t kHashWords = 4;
  static constexpr size_t kIdWords = 2;

  using Words = std::array<uint64_t, kHashWords + kIdWords>;
  // All zero: free.
  struct alignas(64) Hint {
    std::array<std::atomic<uint64_t>, kHashWords + kIdWords> words{};
    // Second chance: found since the hand came by.
    mutable std::atomic<bool> referenced{false};
    // Of a set's first hint: where the next one to go is looked for.
    std::atomic<uint8_t> hand{0};
  };
  using Set = std::array<Hint, kWays>;

  static bool HasHash(const Hint& hint, const Words& words);
  static bool IsFree(const Hint& hint);
  // Null as long as nothing was put there.
  Set* FindSet(const KeyHash& hash) const;
  Set& MakeSet(const KeyHash& hash);

  const size_t sets_per_shard_;
  std::array<std::atomic<Set*>, kShards> shards_{};
};

}  // namespace claviger

#endif  // CLAVIGER_CORE_KEY_HINTS_H_
