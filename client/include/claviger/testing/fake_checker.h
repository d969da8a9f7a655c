// A Checker for tests of services: decides by the same rules as the client, about keys that the
// test made up.
//
//   claviger::client_testing::FakeChecker checker;
//   checker.Accept("alice's key", {.owner = "alice", .scopes = {"orders:read"}});
//   Shop shop(checker);
//   EXPECT_EQ(shop.Buy("alice's key").code(), absl::StatusCode::kPermissionDenied);
//
// Keys may have any text here. Every other key is NOT_FOUND.
#ifndef CLAVIGER_TESTING_FAKE_CHECKER_H_
#define CLAVIGER_TESTING_FAKE_CHECKER_H_

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "claviger/checker.h"

namespace claviger::client_testing {

// What a grant shall say. Must be what an authority could have said: MakeGrant ends the program
// when a scope or an address block is not one.
struct GrantFields {
  // 16 letters and digits.
  std::string key_id = "00TestKey0000000";
  std::string project_id = "default";
  std::string owner = {};
  KeyEnvironment environment = KeyEnvironment::kLive;
  std::vector<std::string> scopes = {};
  std::map<std::string, std::string> labels = {};
  // A JSON object; empty: none.
  std::string metadata_json = {};
  std::optional<absl::Time> expire_time = std::nullopt;
  std::vector<std::string> allowed_cidrs = {};
};

Grant MakeGrant(const GrantFields& fields);

// The decision about a good key, as the client makes it: VALID, INSUFFICIENT_SCOPE, …
Decision DecideOn(const Grant& grant, const CheckRequirements& requirements);
// A denial. REQUIRES: `code` is not kValid.
Decision MakeDenial(DecisionCode code);

// Thread safety: all methods may be called from any thread at once.
class FakeChecker final : public Checker {
 public:
  // From now on `key` is good for what the grant says.
  void Accept(std::string_view key, const GrantFields& fields = {}) ABSL_LOCKS_EXCLUDED(mutex_);
  // From now on every check of `key` answers `code`, e.g. kRevoked.
  void Deny(std::string_view key, DecisionCode code) ABSL_LOCKS_EXCLUDED(mutex_);
  // While `unavailable`, every check answers UNAVAILABLE.
  void SetUnavailable(bool unavailable) ABSL_LOCKS_EXCLUDED(mutex_);

  Decision Check(std::string_view key, const CheckRequirements& requirements) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  using Checker::Check;
  // Calls back before it returns.
  void CheckAsync(std::string_view key, const CheckRequirements& requirements,
                  CheckCallback callback) override;

  // Checks so far.
  size_t checks() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    Grant grant;
    std::optional<DecisionCode> denial;
  };

  mutable absl::Mutex mutex_;
  std::map<std::string, Entry, std::less<>> keys_ ABSL_GUARDED_BY(mutex_);
  bool unavailable_ ABSL_GUARDED_BY(mutex_) = false;
  size_t checks_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace claviger::client_testing

#endif  // CLAVIGER_TESTING_FAKE_CHECKER_H_
