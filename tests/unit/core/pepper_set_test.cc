#include <string>
#include <thread>
#include <vector>

#include "core/digest.h"
#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_random.h"

namespace claviger {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Base64 of 32 bytes each.
constexpr std::string_view kPepperA = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";
constexpr std::string_view kPepperB = "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=";

std::string Line(std::string_view id, std::string_view base64) {
  return std::string(id) + ":" + std::string(base64) + "\n";
}

absl::StatusOr<PepperSet> Parse(std::string_view text) {
  return PepperSet::Parse(Secret::CopyOf(text));
}

PepperSet TwoPeppers() { return Parse(Line("new", kPepperA) + Line("old", kPepperB)).value(); }

TEST(PepperSetParseTest, TheFirstPepperWrites) {
  const PepperSet peppers = TwoPeppers();
  EXPECT_EQ(peppers.writing_id(), "new");
  EXPECT_THAT(peppers.ids(), ElementsAre("new", "old"));
  EXPECT_TRUE(peppers.Contains("old"));
  EXPECT_FALSE(peppers.Contains("other"));
  EXPECT_FALSE(peppers.Contains(""));
}

TEST(PepperSetParseTest, SkipsEmptyLinesAndComments) {
  const auto peppers = Parse("# peppers\n\n  \t\r\n" + Line("a", kPepperA) +
                             "b:" + std::string(kPepperB) + "  # since May\r\n#c:no\n");
  ASSERT_TRUE(peppers.ok()) << peppers.status();
  EXPECT_THAT(peppers->ids(), ElementsAre("a", "b"));
}

TEST(PepperSetParseTest, TheLastLineNeedsNoEnd) {
  EXPECT_TRUE(Parse("a:" + std::string(kPepperA)).ok());
}

TEST(PepperSetParseTest, LinesNotOfTheFormAreRefusedByNumber) {
  struct Case {
    const char* why;
    std::string line;
  };
  const std::string pepper(kPepperA);
  for (const Case& c : {
           Case{"no colon", pepper},
           Case{"no id", ":" + pepper},
           Case{"upper-case id", "A:" + pepper},
           Case{"id with underscore", "a_b:" + pepper},
           Case{"blank in front of the colon", "a :" + pepper},
           Case{"blank behind the colon", "a: " + pepper},
           Case{"id of 33 characters", std::string(33, 'a') + ":" + pepper},
           Case{"no pepper", "a:"},
           Case{"31 bytes", "a:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQQ=="},
           Case{"padding left out", "a:" + pepper.substr(0, 43)},
           Case{"padding in the middle", "a:QQ==" + pepper},
           Case{"three paddings", "a:" + pepper.substr(0, 41) + "==="},
           Case{"a character outside base64",
                "a:" + pepper.substr(0, 20) + "*" + pepper.substr(21)},
           Case{"the URL alphabet", "a:" + pepper.substr(0, 20) + "-" + pepper.substr(21)},
           Case{"a NUL", "a:" + pepper.substr(0, 20) + std::string(1, '\0') + pepper.substr(21)},
       }) {
    const absl::Status status = Parse("# first line\n" + c.line + "\n").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.why;
    EXPECT_EQ(DetailsOf(status).reason, Reason::kConfigInvalid) << c.why;
    EXPECT_THAT(std::string(status.message()), HasSubstr("line 2 ")) << c.why;
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("QUFB"))) << c.why;
  }
}

TEST(PepperSetParseTest, AnIdTwiceIsRefused) {
  const absl::Status status = Parse(Line("a", kPepperA) + Line("a", kPepperB)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("line 2 "));
}

TEST(PepperSetParseTest, NoPepperAtAllIsRefused) {
  for (const char* text : {"", "\n", "# only a comment\n"}) {
    EXPECT_EQ(Parse(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(PepperSetGenerateLineTest, WhatItMakesParses) {
  FakeRandom random;
  const auto line = PepperSet::GenerateLine("2030-01", random);
  ASSERT_TRUE(line.ok()) << line.status();
  const auto peppers = PepperSet::Parse(*line);
  ASSERT_TRUE(peppers.ok()) << peppers.status();
  EXPECT_EQ(peppers->writing_id(), "2030-01");
  EXPECT_TRUE(line->ExposeSecret().ends_with('\n'));
}

TEST(PepperSetGenerateLineTest, RefusesABadIdAndNoEntropy) {
  FakeRandom random;
  EXPECT_EQ(PepperSet::GenerateLine("no id", random).status().code(),
            absl::StatusCode::kInvalidArgument);
  random.FailWith(absl::UnavailableError("no entropy"));
  EXPECT_EQ(PepperSet::GenerateLine("a", random).status().code(), absl::StatusCode::kUnavailable);
}

TEST(PepperSetDigestTest, DependsOnPepperIdAndHash) {
  const PepperSet peppers = TwoPeppers();
  const KeyId id = *KeyId::Parse("0000000000000001");
  const KeyHash hash = HashKey("key");
  const KeyDigest digest = peppers.Digest("new", id, hash).value();
  EXPECT_TRUE(Equal(digest, peppers.Digest("new", id, hash).value()));
  EXPECT_FALSE(Equal(digest, peppers.Digest("old", id, hash).value()));
  EXPECT_FALSE(Equal(digest, peppers.Digest("new", KeyId(), hash).value()));
  EXPECT_FALSE(Equal(digest, peppers.Digest("new", id, HashKey("other")).value()));
}

TEST(PepperSetDigestTest, AMissingPepperIsNamed) {
  const PepperSet peppers = TwoPeppers();
  for (const absl::Status& status : {
           peppers.Digest("gone", KeyId(), KeyHash()).status(),
           peppers.Canary("gone").status(),
           peppers.DeriveKey("gone", "purpose").status(),
       }) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()), HasSubstr("gone"));
  }
}

TEST(PepperSetDigestTest, BurningLeavesTheNextDigestRight) {
  const PepperSet peppers = TwoPeppers();
  const KeyDigest before = peppers.Digest("new", KeyId(), HashKey("key")).value();
  peppers.BurnDigest(KeyId(), HashKey("other"));
  EXPECT_TRUE(Equal(before, peppers.Digest("new", KeyId(), HashKey("key")).value()));
}

TEST(PepperSetDigestTest, SurvivesAMoveAndManyThreads) {
  PepperSet source = TwoPeppers();
  const KeyDigest expected = source.Digest("old", KeyId(), HashKey("key")).value();
  const PepperSet peppers = std::move(source);
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (int& count : wrong) {
    threads.emplace_back([&count, &peppers, &expected] {
      for (int i = 0; i < 5000; ++i) {
        count += Equal(peppers.Digest("old", KeyId(), HashKey("key")).value(), expected) ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

TEST(PepperSetCanaryTest, TellsPeppersApart) {
  const PepperSet peppers = TwoPeppers();
  EXPECT_TRUE(Equal(peppers.Canary("new").value(), peppers.Canary("new").value()));
  EXPECT_FALSE(Equal(peppers.Canary("new").value(), peppers.Canary("old").value()));
}

TEST(PepperSetDeriveKeyTest, DependsOnPepperAndPurpose) {
  const PepperSet peppers = TwoPeppers();
  const Secret key = peppers.DeriveKey("new", "one").value();
  EXPECT_EQ(key.size(), 32U);
  EXPECT_TRUE(ConstantTimeEquals(key.ExposeSecret(),
                                 peppers.DeriveKey("new", "one").value().ExposeSecret()));
  EXPECT_FALSE(ConstantTimeEquals(key.ExposeSecret(),
                                  peppers.DeriveKey("new", "two").value().ExposeSecret()));
  EXPECT_FALSE(ConstantTimeEquals(key.ExposeSecret(),
                                  peppers.DeriveKey("old", "one").value().ExposeSecret()));
}

}  // namespace
}  // namespace claviger
