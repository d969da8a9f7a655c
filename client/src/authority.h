// Whom a check asks when the cache cannot answer.
#ifndef CLAVIGER_CLIENT_SRC_AUTHORITY_H_
#define CLAVIGER_CLIENT_SRC_AUTHORITY_H_

#include <optional>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "client/src/flight_table.h"
#include "core/digest.h"
#include "core/key_format.h"

namespace claviger::client {

// What it answered, and when the question was sent (on the scale of Clock::SinceBoot).
struct AuthorityAnswer {
  FlightAnswer answer;
  absl::Duration asked_at;
};

// Whom a check is about.
struct AskedKey {
  // Of a text that is no key of ours: this process's name for it.
  KeyId id;
  KeyHash hash;  // of the whole text
  // Set for a text that is no key of ours, which may be one that was imported by this digest.
  std::optional<Sha512Bytes> sha512;
};

using AnswerCallback = absl::AnyInvocable<void(const AuthorityAnswer&)>;

// Thread safety: all methods may be called from any thread at once.
class Authority {
 public:
  virtual ~Authority() = default;

  // Asks about the key without requirements, so that the answer serves every check of it. Calls
  // back once, before `deadline` or shortly after, on the client's thread or before this returns.
  virtual void Ask(const AskedKey& key, absl::Duration deadline, AnswerCallback callback) = 0;
};

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_AUTHORITY_H_
