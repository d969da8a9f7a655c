#include <string_view>
#include <vector>

#include "client/src/usage_collector.h"
#include "tests/unit/client/check_engine_fixture.h"

namespace claviger::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(CheckEngineTest, AsksOnceThenAnswersFromTheCache) {
  EXPECT_EQ(CheckAnswered(Good()), DecisionCode::kValid);
  EXPECT_EQ(CheckFromCache(), DecisionCode::kValid);
  EXPECT_THAT(recorder_.Take(), ElementsAre("miss", "hit"));
}

TEST_F(CheckEngineTest, AsksByTheKeysHashWithinTheTimeout) {
  Start();
  const FakeAuthority::Asked asked = authority_.Take();
  EXPECT_EQ(asked.key.id, IdOf(1));
  EXPECT_TRUE(Equal(asked.key.hash, HashKey(key_)));
  EXPECT_EQ(asked.deadline, clock_.SinceBoot() + absl::Seconds(1));
}

TEST_F(CheckEngineTest, ACachedKeyIsDecidedForEachCheckAnew) {
  static constexpr std::string_view kRead[] = {"orders:read"};
  static constexpr std::string_view kWrite[] = {"orders:write"};
  CheckAnswered(Good());
  EXPECT_EQ(CheckFromCache({.required_scopes = kRead}), DecisionCode::kValid);
  EXPECT_EQ(CheckFromCache({.required_scopes = kWrite}), DecisionCode::kInsufficientScope);
  EXPECT_EQ(CheckFromCache({.project_id = "shop"}), DecisionCode::kNotFound);
}

TEST_F(CheckEngineTest, WithoutALeaseEveryCheckAsks) {
  CheckAnswered(Good());
  LoseLease();
  recorder_.Take();
  EXPECT_EQ(CheckAnswered(Good()), DecisionCode::kValid);
  EXPECT_EQ(CheckAnswered(Bad(VerifyCode::kRevoked)), DecisionCode::kRevoked);
  EXPECT_THAT(recorder_.Take(), ElementsAre("fallback", "fallback", "REVOKED"));
}

TEST_F(CheckEngineTest, ALeaseEndsByItself) {
  CheckAnswered(Good());
  clock_.Advance(kLease);
  EXPECT_EQ(CheckFromCache(), std::nullopt);
}

TEST_F(CheckEngineTest, WithoutAnAnswerItFailsClosed) {
  CheckAnswered(Good());
  clock_.Advance(kLease + kStale);
  for (const absl::Status& status :
       {absl::UnavailableError("down"), absl::DeadlineExceededError("slow"),
        absl::UnauthenticatedError("who?"), absl::InternalError("unfit")}) {
    EXPECT_EQ(CheckAnswered(Failed(status)), DecisionCode::kUnavailable) << status;
  }
}

TEST_F(CheckEngineTest, ItSaysWhyThereWasNoAnswer) {
  const Pending pending = Start();
  authority_.Take().callback(Failed(absl::UnavailableError("nobody listens")));
  EXPECT_THAT(std::string((*pending)->detail()), HasSubstr("nobody listens"));
}

TEST_F(CheckEngineTest, StaleOnErrorAnswersFromTheCacheForAWhile) {
  CheckAnswered(Good());
  clock_.Advance(kLease + kStale / 2);
  recorder_.Take();
  const Pending pending = Start();
  authority_.Take().callback(Failed(absl::UnavailableError("down")));
  EXPECT_TRUE((*pending)->valid());
  EXPECT_TRUE((*pending)->stale());
  EXPECT_THAT(recorder_.Take(), ElementsAre("fallback", "stale"));
}

TEST_F(CheckEngineTest, StaleOnErrorDoesNotOverruleAnAuthorityThatAnswers) {
  CheckAnswered(Good());
  clock_.Advance(kLease);
  EXPECT_EQ(CheckAnswered(Bad(VerifyCode::kRevoked)), DecisionCode::kRevoked);
  EXPECT_EQ(CheckAnswered(Failed(absl::PermissionDeniedError("not yours"))),
            DecisionCode::kUnavailable);
}

TEST_F(CheckEngineTest, AnAnswerFromBeforeAnInvalidationIsUsedButNotKept) {
  const Pending pending = Start();
  fence_.Apply(
      {.flush = false, .items = {sync::KeyItem{IdOf(1)}}, .epoch = EpochOf(1), .position = {11}});
  authority_.Take().callback(Good(/*revision=*/10));
  EXPECT_TRUE((*pending)->valid()) << "the check began before the change was over";
  EXPECT_EQ(CheckFromCache(), std::nullopt);
}

TEST_F(CheckEngineTest, ChecksOfOneKeyShareACall) {
  const Pending first = Start();
  const Pending second = Start();
  EXPECT_EQ(authority_.waiting(), 1u);
  authority_.Take().callback(Good());
  EXPECT_TRUE((*first)->valid());
  EXPECT_TRUE((*second)->valid());
}

TEST_F(CheckEngineTest, WhatTheAuthorityDidNotCountIsCountedHere) {
  const Pending first = Start();
  const Pending joined = Start();
  authority_.Take().callback(Good());
  EXPECT_TRUE(joined->value().valid());
  EXPECT_EQ(CheckFromCache(), DecisionCode::kValid);
  static constexpr std::string_view kWrite[] = {"orders:write"};
  EXPECT_EQ(CheckFromCache({.required_scopes = kWrite}), DecisionCode::kInsufficientScope);
  const std::vector<sync::KeyUse> uses = UsageCollector(grants_).TakeRest(clock_.SinceBoot());
  ASSERT_EQ(uses.size(), 1u);
  EXPECT_EQ(uses[0].valid, 2u) << "the one that joined, and the one from the cache";
  EXPECT_EQ(uses[0].insufficient_scope, 1u);
}

TEST_F(CheckEngineTest, ACheckDoesNotTakeAnAnswerFromBeforeItBegan) {
  const Pending before = Start();
  FakeAuthority::Asked asked = authority_.Take();
  fence_.Apply(
      {.flush = false, .items = {sync::KeyItem{IdOf(1)}}, .epoch = EpochOf(1), .position = {11}});
  const Pending after = Start();
  EXPECT_EQ(authority_.waiting(), 0u) << "it joined";
  asked.callback(Good(/*revision=*/10));
  EXPECT_TRUE((*before)->valid());
  ASSERT_FALSE(after->has_value());
  authority_.Take().callback(Bad(VerifyCode::kRevoked));
  EXPECT_EQ((*after)->code(), DecisionCode::kRevoked);
}

TEST_F(CheckEngineTest, KeysOfOtherProjectsAreNotKept) {
  CheckEngine engine({.check_timeout = absl::Seconds(1), .project_ids = {"shop"}}, surroundings_);
  const Pending pending = Start(engine);
  authority_.Take().callback(Good());
  EXPECT_TRUE((*pending)->valid()) << "of project web";
  EXPECT_EQ(grants_.entries(), 0u);
}

TEST_F(CheckEngineTest, AnswersOfNoGrantAreTakenOver) {
  for (const VerifyCode code : {VerifyCode::kDisabled, VerifyCode::kExpired, VerifyCode::kRevoked,
                                VerifyCode::kRateLimited, VerifyCode::kQuotaExceeded}) {
    EXPECT_EQ(static_cast<int>(CheckAnswered(Bad(code))), static_cast<int>(code));
  }
}

TEST_F(CheckEngineTest, AnUnknownKeyIsRememberedForAMoment) {
  EXPECT_EQ(CheckAnswered(Bad(VerifyCode::kNotFound)), DecisionCode::kNotFound);
  EXPECT_EQ(CheckFromCache(), DecisionCode::kNotFound);
  clock_.Advance(NegativeCache::kMaxAge);
  EXPECT_EQ(CheckFromCache(), std::nullopt);
}

TEST_F(CheckEngineTest, ACachedKeyDoesNotLetAnotherSecretIn) {
  CheckAnswered(Good());
  FakeRandom random(2);
  const KeyId id = IdOf(1);
  key_ = GenerateKey("clv", Environment::kLive, id, random)->ExposeSecret();
  EXPECT_EQ(CheckAnswered(Bad(VerifyCode::kNotFound)), DecisionCode::kNotFound);
}

TEST_F(CheckEngineTest, WhatIsNoKeyIsNotFoundWithoutACallWhereNoneWasImported) {
  view_.SetImportedKeys(false);
  const std::string good = key_;
  for (std::string bad : {std::string(), std::string("no key"), good + "x", good.substr(1),
                          good.substr(0, 70), std::string(1 << 20, 'a'), std::string(76, '\0')}) {
    key_ = std::move(bad);
    EXPECT_EQ(CheckFromCache(), DecisionCode::kNotFound) << key_.substr(0, 100);
  }
  key_ = good;
  key_.back() = key_.back() == '0' ? '1' : '0';
  EXPECT_EQ(CheckFromCache(), DecisionCode::kNotFound) << "a wrong checksum";
  EXPECT_EQ(authority_.waiting(), 0u);
}

TEST_F(CheckEngineTest, AKeyEndsWhenItsTimeIsOver) {
  AuthorityAnswer answer = Good();
  answer.answer.end_of_life = clock_.SinceBoot() + absl::Seconds(1);
  EXPECT_EQ(CheckAnswered(answer), DecisionCode::kValid);
  EXPECT_EQ(CheckFromCache(), DecisionCode::kValid);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(CheckFromCache(), std::nullopt) << "asks again, since it may have been prolonged";
}

TEST_F(CheckEngineTest, AnAnswerThatComesTooLateForTheKeyIsExpired) {
  AuthorityAnswer answer = Good();
  answer.answer.end_of_life = clock_.SinceBoot();
  EXPECT_EQ(CheckAnswered(answer), DecisionCode::kExpired);
}

TEST_F(CheckEngineTest, AnAnswerWithoutAGrantNeverLetsIn) {
  EXPECT_EQ(CheckAnswered(Bad(VerifyCode::kValid)), DecisionCode::kUnavailable);
}

TEST_F(CheckEngineTest, OnceClosedItAsksNobody) {
  engine_.Close();
  const Pending pending = Start();
  EXPECT_EQ((*pending)->code(), DecisionCode::kUnavailable);
  EXPECT_EQ(authority_.waiting(), 0u);
}

TEST_F(CheckEngineTest, ASynchronousCheckWaitsForTheAnswer) {
  std::thread authority([this] { authority_.Take().callback(Good()); });
  EXPECT_TRUE(engine_.Check(key_, {}, /*may_wait=*/true).valid());
  authority.join();
  EXPECT_TRUE(engine_.Check(key_, {}, /*may_wait=*/true).from_cache());
}

TEST_F(CheckEngineTest, WhereItCannotWaitItSaysSo) {
  const Decision decision = engine_.Check(key_, {}, /*may_wait=*/false);
  EXPECT_EQ(decision.code(), DecisionCode::kUnavailable);
  EXPECT_THAT(std::string(decision.detail()), HasSubstr("CheckAsync"));
  EXPECT_EQ(authority_.waiting(), 0u);
}

TEST_F(CheckEngineTest, ASynchronousCheckEndsWhenNobodyAnswers) {
  CheckEngine engine({.check_timeout = absl::Milliseconds(10), .project_ids = {}}, surroundings_);
  EXPECT_EQ(engine.Check(key_, {}, /*may_wait=*/true).code(), DecisionCode::kUnavailable);
  authority_.Take().callback(Good());
}

TEST_F(CheckEngineTest, RequirementsAreNotNeededOnceAnAsynchronousCheckHasBegun) {
  Pending pending;
  {
    const std::string scope = "orders:write";
    const std::vector<std::string_view> scopes = {scope};
    const std::string project = "web";
    pending = Start({.project_id = project, .required_scopes = scopes});
  }
  authority_.Take().callback(Good());
  EXPECT_EQ((*pending)->code(), DecisionCode::kInsufficientScope);
  EXPECT_THAT((*pending)->missing_scopes(), ElementsAre("orders:write"));
}

}  // namespace
}  // namespace claviger::client
