#include "client/src/flight_table.h"

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/unit/client/grant_testing.h"

namespace claviger::client {
namespace {

const Epoch kEpoch = EpochOf(1);

JoinPoint At(uint64_t position, bool lease_live = true) {
  return {.epoch = kEpoch, .position = {position}, .lease_live = lease_live};
}

FlightAnswer ValidAt(uint64_t revision) {
  return {.status = absl::OkStatus(),
          .reflects = {kEpoch, {revision}},
          .code = VerifyCode::kValid,
          .grant = GrantOf(1).grant};
}

class FlightTableTest : public testing::Test {
 protected:
  // A callback that writes down how the wait ended: the code's name, the error, or `ask again`.
  FlightCallback Into(std::vector<std::string>& ends) {
    return [&ends](const FlightAnswer* answer) {
      if (answer == nullptr) {
        ends.emplace_back("ask again");
      } else if (!answer->status.ok()) {
        ends.emplace_back(absl::StatusCodeToString(answer->status.code()));
      } else {
        ends.emplace_back(VerifyCodeName(answer->code));
      }
    };
  }
  std::optional<FlightTable::Lead> Ask(uint64_t n, const JoinPoint& here) {
    return table_.JoinOrLead(IdOf(n), HashOf(n), here, Into(ends_));
  }

  FlightTable table_;
  std::vector<std::string> ends_;
};

TEST_F(FlightTableTest, TheFirstLeadsAndTheOthersJoin) {
  auto lead = Ask(1, At(5));
  ASSERT_TRUE(lead.has_value());
  EXPECT_FALSE(Ask(1, At(5)).has_value());
  EXPECT_FALSE(Ask(1, At(5)).has_value());
  EXPECT_EQ(table_.size(), 1U);
  EXPECT_TRUE(ends_.empty());
  lead->Complete(ValidAt(5));
  EXPECT_EQ(ends_, (std::vector<std::string>{"VALID", "VALID"}));
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(FlightTableTest, AnotherKeyOrSecretIsAnotherFlight) {
  auto lead = Ask(1, At(5));
  EXPECT_TRUE(Ask(2, At(5)).has_value());
  EXPECT_TRUE(table_.JoinOrLead(IdOf(1), HashOf(2), At(5), Into(ends_)).has_value());
}

TEST_F(FlightTableTest, AfterTheAnswerANewFlightBegins) {
  auto first = Ask(1, At(5));
  first->Complete(ValidAt(5));
  EXPECT_TRUE(Ask(1, At(5)).has_value());
}

TEST_F(FlightTableTest, WhoJoinedBehindTheAnswerAsksAgain) {
  auto lead = Ask(1, At(5));
  EXPECT_FALSE(Ask(1, At(5)).has_value());
  EXPECT_FALSE(Ask(1, At(6)).has_value());  // an invalidation came in between
  lead->Complete(ValidAt(5));
  EXPECT_EQ(ends_, (std::vector<std::string>{"VALID", "ask again"}));
}

TEST_F(FlightTableTest, WithoutALeaseEverybodyAsksAlone) {
  auto lead = Ask(1, At(5));
  EXPECT_TRUE(Ask(1, At(5, false)).has_value());
  auto alone = Ask(2, At(5, false));
  EXPECT_TRUE(Ask(2, At(5)).has_value()) << "nobody joins a flight without a lease";
  alone->Complete(ValidAt(5));
  EXPECT_TRUE(ends_.empty());
}

TEST_F(FlightTableTest, AFailureReachesAllWhoJoined) {
  auto lead = Ask(1, At(5));
  EXPECT_FALSE(Ask(1, At(9)).has_value());
  FlightAnswer failed;
  failed.status = absl::UnavailableError("no route");
  lead->Complete(failed);
  EXPECT_EQ(ends_, (std::vector<std::string>{"UNAVAILABLE"}));
}

TEST_F(FlightTableTest, WhenTheLeaderGivesUpTheOthersAskAgain) {
  {
    auto lead = Ask(1, At(5));
    EXPECT_FALSE(Ask(1, At(5)).has_value());
  }
  EXPECT_EQ(ends_, (std::vector<std::string>{"ask again"}));
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(FlightTableTest, TheDutyMovesWithTheLead) {
  auto lead = Ask(1, At(5));
  FlightTable::Lead moved = std::move(*lead);
  lead.reset();
  EXPECT_EQ(table_.size(), 1U);
  EXPECT_FALSE(Ask(1, At(5)).has_value());
  moved.Complete(ValidAt(5));
  EXPECT_EQ(ends_, (std::vector<std::string>{"VALID"}));
}

TEST_F(FlightTableTest, ACallbackMayAskAgainAtOnce) {
  auto lead = Ask(1, At(5));
  bool leads_now = false;
  EXPECT_FALSE(table_
                   .JoinOrLead(IdOf(1), HashOf(1), At(6),
                               [&](const FlightAnswer* answer) {
                                 EXPECT_EQ(answer, nullptr);
                                 leads_now = Ask(1, At(6)).has_value();
                               })
                   .has_value());
  lead->Complete(ValidAt(5));
  EXPECT_TRUE(leads_now);
}

TEST(WithoutJoinFenceTest, AJoinerTakesAnAnswerFromBefore) {
  FlightTable table({.join_fence = false});
  auto lead = table.JoinOrLead(IdOf(1), HashOf(1), At(5), nullptr);
  bool taken = false;
  EXPECT_FALSE(table
                   .JoinOrLead(IdOf(1), HashOf(1), At(6, false),
                               [&](const FlightAnswer* answer) { taken = answer != nullptr; })
                   .has_value());
  lead->Complete(ValidAt(5));
  EXPECT_TRUE(taken);
}

TEST(FlightTableStressTest, EveryWaitEndsOnce) {
  constexpr int kThreads = 4;
  constexpr int kAsks = 5'000;
  FlightTable table;
  std::atomic<int> ends{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int ask = 0; ask < kAsks; ++ask) {
        const uint64_t n = ask % 3;
        auto lead = table.JoinOrLead(IdOf(n), HashOf(n), At(5),
                                     [&](const FlightAnswer*) { ends.fetch_add(1); });
        if (!lead.has_value()) continue;
        if (ask % 7 != 0) lead->Complete(ValidAt(5));
        lead.reset();
        ends.fetch_add(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ends, kThreads * kAsks);
  EXPECT_EQ(table.size(), 0U);
}

}  // namespace
}  // namespace claviger::client
