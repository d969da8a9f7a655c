// The fixture of tests about usage: checks, and what is told of them afterwards.
#ifndef CLAVIGER_TESTS_INTEGRATION_USAGE_TEST_H_
#define CLAVIGER_TESTS_INTEGRATION_USAGE_TEST_H_

#include <cstdint>
#include <map>
#include <string>

#include "claviger/v1/usage.pb.h"
#include "tests/integration/server_test.h"

namespace claviger {

using Totals = std::map<v1::VerifyCode, int64_t>;

template <typename Counts>
Totals ToTotals(const Counts& counts) {
  Totals totals;
  for (const v1::UsageCount& count : counts) totals[count.code()] = count.count();
  return totals;
}

template <typename Base>
class UsageTestOver : public Base {
 protected:
  // Brings what was counted so far into the store.
  void Flush() { this->Restart(); }

  v1::GetUsageResponse UsageOf(const v1::GetUsageRequest& request) {
    const auto usage = this->root().Call(request);
    EXPECT_THAT(usage, IsOk());
    return *usage;
  }
  v1::GetUsageResponse UsageOfKey(const std::string& key_id) {
    v1::GetUsageRequest request;
    request.set_key_id(key_id);
    return UsageOf(request);
  }
  Totals TotalsOf(const std::string& key_id) { return ToTotals(UsageOfKey(key_id).totals()); }

  static v1::VerifyRequest CheckFrom(const std::string& key, const std::string& address) {
    v1::VerifyRequest request;
    request.set_key(key);
    request.set_client_ip(address);
    return request;
  }
};

using UsageTest = UsageTestOver<ServerTest>;

}  // namespace claviger

#endif  // CLAVIGER_TESTS_INTEGRATION_USAGE_TEST_H_
