// Whatever can check keys: the client, or what stands in for it in a test. A service that takes a
// `Checker&` can be tested without an authority: see claviger/testing/fake_checker.h.
#ifndef CLAVIGER_CHECKER_H_
#define CLAVIGER_CHECKER_H_

#include <string_view>

#include "absl/functional/any_invocable.h"
#include "claviger/decision.h"

namespace claviger {

using CheckCallback = absl::AnyInvocable<void(Decision)>;

// Thread safety: all methods may be called from any thread at once.
class Checker {
 public:
  virtual ~Checker() = default;

  // Whether `key` is good for what is asked. May wait for the authority, for a bounded time.
  virtual Decision Check(std::string_view key, const CheckRequirements& requirements) = 0;
  Decision Check(std::string_view key) { return Check(key, CheckRequirements()); }

  // The same without waiting: `callback` is called once, before this returns or later from another
  // thread, and must not block. `key` and `requirements` are used only until this returns.
  virtual void CheckAsync(std::string_view key, const CheckRequirements& requirements,
                          CheckCallback callback) = 0;
};

}  // namespace claviger

#endif  // CLAVIGER_CHECKER_H_
