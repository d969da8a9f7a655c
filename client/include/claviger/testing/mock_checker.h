// A Checker for tests that expect calls. Needs GoogleMock; most tests are simpler with
// claviger/testing/fake_checker.h, which does not, and which makes decisions.
//
//   claviger::client_testing::MockChecker checker;
//   EXPECT_CALL(checker, Check(StrEq("key"), _))
//       .WillOnce(Return(claviger::client_testing::MakeDenial(claviger::DecisionCode::kRevoked)));
#ifndef CLAVIGER_TESTING_MOCK_CHECKER_H_
#define CLAVIGER_TESTING_MOCK_CHECKER_H_

#include <gmock/gmock.h>

#include <string_view>

#include "claviger/checker.h"

namespace claviger::client_testing {

class MockChecker : public Checker {
 public:
  MOCK_METHOD(Decision, Check, (std::string_view key, const CheckRequirements& requirements),
              (override));
  MOCK_METHOD(void, CheckAsync,
              (std::string_view key, const CheckRequirements& requirements, CheckCallback callback),
              (override));
};

}  // namespace claviger::client_testing

#endif  // CLAVIGER_TESTING_MOCK_CHECKER_H_
