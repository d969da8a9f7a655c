// Hooks for a service's metrics.
//
//   class Metrics final : public claviger::ClientObserver {
//     void OnHit() override { hits_.Increment(); }
//     …
//   };
//   options.observer = std::make_shared<Metrics>(registry);
#ifndef CLAVIGER_CLIENT_OBSERVER_H_
#define CLAVIGER_CLIENT_OBSERVER_H_

#include <cstddef>

#include "claviger/decision.h"

namespace claviger {

// Each method does nothing unless overridden. They are called at the place where it happens, so
// they must be fast, must not block and must not call the client.
//
// Thread safety: `OnHit`, `OnMiss`, `OnFallback`, `OnStale` and `OnDenial` are called by many
// threads at once; the others by one thread of the client.
class ClientObserver {
 public:
  virtual ~ClientObserver() = default;

  // A check was answered from the cache, …
  virtual void OnHit() {}
  // … or asked the authority, since the cache does not have the key, …
  virtual void OnMiss() {}
  // … or asked it because there is no lease, so that the cache may not be trusted.
  virtual void OnFallback() {}
  // The authority did not answer, and the check was decided from the cache past its lease.
  virtual void OnStale() {}
  // A check did not answer VALID.
  virtual void OnDenial(DecisionCode /*code*/) {}

  // The cache may be trusted from now on, …
  virtual void OnLeaseGained() {}
  // … and not any more, which is normal for a moment after the network or the authority failed.
  virtual void OnLeaseLost() {}
  // The authority had `items` keys or projects forgotten.
  virtual void OnInvalidation(size_t /*items*/) {}
  // The whole cache was forgotten.
  virtual void OnReset() {}
  // The stream to the authority broke; another one will be opened.
  virtual void OnReconnect() {}
};

}  // namespace claviger

#endif  // CLAVIGER_CLIENT_OBSERVER_H_
