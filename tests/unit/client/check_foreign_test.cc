// Checks of texts that are no keys of ours.
#include "tests/unit/client/check_engine_fixture.h"

namespace claviger::client {
namespace {

using ::testing::ElementsAre;

// Texts that are no keys of ours, and may be keys that were imported.
class ForeignCheckTest : public CheckEngineTest {
 protected:
  ForeignCheckTest() {
    key_ = "sk_live_51H8f0a";
    view_.SetImportedKeys(true);
  }
};

TEST_F(ForeignCheckTest, ItIsAskedAboutByBothDigests) {
  const Pending pending = Start();
  FakeAuthority::Asked asked = authority_.Take();
  EXPECT_TRUE(Equal(asked.key.hash, HashKey(key_)));
  EXPECT_EQ(asked.key.sha512, Sha512(key_));
  asked.callback(Good());
  EXPECT_EQ(pending->value().code(), DecisionCode::kValid);
}

TEST_F(ForeignCheckTest, TheAuthorityIsAskedOnce) {
  EXPECT_EQ(CheckAnswered(Good()), DecisionCode::kValid);
  EXPECT_EQ(CheckFromCache(), DecisionCode::kValid);
  EXPECT_EQ(CheckFromCache({.project_id = "shop"}), DecisionCode::kNotFound);
  EXPECT_THAT(recorder_.Take(), ElementsAre("miss", "hit", "hit", "NOT_FOUND"));
  key_ += "x";
  EXPECT_EQ(CheckFromCache(), std::nullopt) << "another text";
}

TEST_F(ForeignCheckTest, AnEvictionOfItsKeyCounts) {
  CheckAnswered(Good());
  fence_.Apply(
      {.flush = false, .items = {sync::KeyItem{IdOf(1)}}, .epoch = EpochOf(1), .position = {11}});
  EXPECT_EQ(CheckFromCache(), std::nullopt);
  authority_.Take().callback(Bad(VerifyCode::kRevoked));
}

TEST_F(ForeignCheckTest, AnAnswerFromBeforeARevokeDoesNotEnterTheCache) {
  const Pending pending = Start();
  fence_.Apply(
      {.flush = false, .items = {sync::KeyItem{IdOf(1)}}, .epoch = EpochOf(1), .position = {11}});
  authority_.Take().callback(Good(10));
  EXPECT_EQ(CheckFromCache(), std::nullopt);
}

// The cache has one entry for each key, and it is of the text that was asked for last.
TEST_F(ForeignCheckTest, AHintThatLeadsToAnotherTextsKeyLetsNobodyIn) {
  CheckAnswered(Good());
  foreign_.Put(HashKey("another text"), IdOf(1));
  key_ = "another text";
  EXPECT_EQ(CheckFromCache(), std::nullopt);
  authority_.Take().callback(Bad(VerifyCode::kNotFound));
}

TEST_F(ForeignCheckTest, AnUnknownTextIsRememberedForAMoment) {
  EXPECT_EQ(CheckAnswered(Bad(VerifyCode::kNotFound)), DecisionCode::kNotFound);
  EXPECT_EQ(CheckFromCache(), DecisionCode::kNotFound);
  clock_.Advance(NegativeCache::kMaxAge);
  EXPECT_EQ(CheckFromCache(), std::nullopt);
}

TEST_F(ForeignCheckTest, WithoutALeaseItAsksWhateverItWasTold) {
  view_.SetImportedKeys(false);
  EXPECT_EQ(CheckFromCache(), DecisionCode::kNotFound);
  LoseLease();
  EXPECT_EQ(CheckAnswered(Good()), DecisionCode::kValid);
  EXPECT_EQ(CheckFromCache(), std::nullopt);
  authority_.Take().callback(Failed(absl::UnavailableError("gone")));
}

TEST_F(ForeignCheckTest, AStaleAnswerIsFoundWhereThatWasAskedFor) {
  CheckAnswered(Good());
  LoseLease();
  const Pending pending = Start();
  authority_.Take().callback(Failed(absl::UnavailableError("gone")));
  EXPECT_EQ(pending->value().code(), DecisionCode::kValid);
}

TEST_F(ForeignCheckTest, ATextThatLooksLikeOneOfOursIsAskedAboutToo) {
  key_ = std::string(76, 'a');
  const Pending pending = Start();
  const FakeAuthority::Asked asked = authority_.Take();
  EXPECT_EQ(asked.key.sha512, Sha512(key_));
}

TEST_F(ForeignCheckTest, WhatCanBeNoKeyIsNotFoundWithoutACall) {
  for (const std::string& text :
       {std::string(), std::string(1025, 'a'), std::string(1 << 20, 'a')}) {
    key_ = text;
    EXPECT_EQ(CheckFromCache(), DecisionCode::kNotFound) << text.size();
  }
}

}  // namespace
}  // namespace claviger::client
