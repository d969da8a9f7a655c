// What is kept of a secret.
//
//   key hash = SHA-256(whole key)                       what a verifier sends and caches
//   digest   = HMAC-SHA-256(pepper, "claviger.v1" || key id || key hash)     what is stored
//
// and of a key that was made elsewhere, of which only a hash of its text is known:
//
//   digest   = HMAC-SHA-256(pepper, "claviger.imported.v1" || algorithm || hash)
//
// A random 256-bit secret needs no slow hash (NIST SP 800-63B-4, 3.1.1.2: from 112 bits on); the
// pepper means that a stolen database can neither check guesses nor forge rows.
#ifndef CLAVIGER_CORE_DIGEST_H_
#define CLAVIGER_CORE_DIGEST_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/key_format.h"
#include "core/random.h"
#include "core/secret.h"

namespace claviger {

using Sha256Bytes = std::array<uint8_t, 32>;
using Sha512Bytes = std::array<uint8_t, 64>;

// The algorithm of the hash by which a key that was made elsewhere is known.
enum class ImportAlgorithm : unsigned char { kSha256 = 1, kSha512 = 2 };

// SHA-256 of a whole key. Not a secret that opens anything by itself, but enough to ask about the
// key: treat it as confidential and do not log it.
struct KeyHash {
  Sha256Bytes bytes{};
};

// The peppered digest, as stored.
struct KeyDigest {
  Sha256Bytes bytes{};
};

// SHA-256 with a digest fetched once and a context per thread (an implicit fetch costs three times
// as much).
Sha256Bytes Sha256(std::string_view data);
KeyHash HashKey(std::string_view whole_key);
// SHA-512, for texts that are no keys of ours.
Sha512Bytes Sha512(std::string_view data);

// HashKey in two halves that take about as long: a cached key's memory is fetched meanwhile.
// Between them the thread hashes nothing else.
class KeyHasher {
 public:
  explicit KeyHasher(std::string_view whole_key);
  KeyHash Finish();
};

// Constant-time equality.
bool Equal(const KeyHash& a, const KeyHash& b);
bool Equal(const KeyDigest& a, const KeyDigest& b);

// Overwrites a hash that is not needed any more, so that the compiler cannot leave it out.
void Cleanse(KeyHash& hash);

// Lower-case hexadecimal.
std::string ToHex(std::string_view bytes);
std::string_view AsBytes(const Sha256Bytes& bytes);
std::string_view AsBytes(const Sha512Bytes& bytes);
// The other way round; false, and `out` as it was, unless there are exactly as many.
bool FromBytes(std::string_view bytes, Sha256Bytes& out);

// The peppers that this server can read; the first one writes.
//
// Thread safety: immutable after construction, all methods may be called from any thread at once.
class PepperSet {
 public:
  static constexpr size_t kMinPepperBytes = 32;

  // Reads `id:base64` lines (id `[a-z0-9-]{1,32}`, at least 32 bytes each); empty lines and lines
  // from `#` on are skipped. INVALID_ARGUMENT names the line: not that form, an id twice, too
  // short, or no pepper at all.
  static absl::StatusOr<PepperSet> Parse(const Secret& text);
  // One line, with its end, for a new pepper file: 32 random bytes. INVALID_ARGUMENT for a bad id,
  // UNAVAILABLE when there is no entropy.
  static absl::StatusOr<Secret> GenerateLine(std::string_view id, RandomSource& random);

  PepperSet(PepperSet&&) noexcept;
  PepperSet& operator=(PepperSet&&) noexcept;
  ~PepperSet();

  // Id of the pepper that new digests use.
  const std::string& writing_id() const;
  bool Contains(std::string_view pepper_id) const;
  // All ids, the writing one first.
  std::vector<std::string> ids() const;

  // Digest under the pepper `pepper_id`. FAILED_PRECONDITION when there is none with that id.
  absl::StatusOr<KeyDigest> Digest(std::string_view pepper_id, const KeyId& id,
                                   const KeyHash& hash) const;
  // Digest of a key that was made elsewhere, under the pepper `pepper_id`. `hash` is of the key's
  // whole text: 32 bytes for SHA-256, 64 for SHA-512. Finds the key, so no key id is in it. Errors
  // as Digest.
  absl::StatusOr<KeyDigest> ImportedDigest(std::string_view pepper_id, ImportAlgorithm algorithm,
                                           std::string_view hash) const;
  // As long a computation as `Digest`, for keys that do not exist: their check must not answer
  // sooner.
  void BurnDigest(const KeyId& id, const KeyHash& hash) const;

  // A digest of fixed input that shows, compared with the one kept in the store, that pepper
  // `pepper_id` is the one the store was written with.
  absl::StatusOr<KeyDigest> Canary(std::string_view pepper_id) const;

  // A 256-bit key derived from pepper `pepper_id` for `purpose` by HKDF-SHA-256 (RFC 5869).
  absl::StatusOr<Secret> DeriveKey(std::string_view pepper_id, std::string_view purpose) const;

 private:
  struct Impl;
  explicit PepperSet(std::unique_ptr<const Impl> impl);

  std::unique_ptr<const Impl> impl_;
};

// Encrypts and authenticates with AES-256-GCM under a random nonce that stands at the front of the
// result. `associated` is authenticated but not contained. `key` has 32 bytes.
absl::StatusOr<std::string> Seal(const Secret& key, const Secret& plain,
                                 std::string_view associated, RandomSource& random);
// DATA_LOSS when `sealed` was not made by `Seal` with the same key and `associated`.
absl::StatusOr<Secret> Unseal(const Secret& key, std::string_view sealed,
                              std::string_view associated);

}  // namespace claviger

#endif  // CLAVIGER_CORE_DIGEST_H_
