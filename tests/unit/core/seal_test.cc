#include <string>

#include "core/digest.h"
#include "core/status.h"
#include "gtest/gtest.h"
#include "tests/support/fake_random.h"

namespace claviger {
namespace {

class SealTest : public ::testing::Test {
 protected:
  std::string SealText(std::string_view plain, std::string_view associated) {
    return Seal(key_, Secret::CopyOf(plain), associated, random_).value();
  }

  void ExpectDataLoss(std::string_view sealed, std::string_view associated) {
    const absl::Status status = Unseal(key_, sealed, associated).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(DetailsOf(status).reason, Reason::kDataCorrupt);
  }

  const Secret key_ = Secret::CopyOf(std::string(32, 'k'));
  FakeRandom random_;
};

TEST_F(SealTest, OpensWithTheSameKeyAndAssociatedData) {
  for (const std::string& plain : {std::string(), std::string("x"), std::string(5000, 'p')}) {
    for (const std::string_view associated : {"", "request 1"}) {
      const absl::StatusOr<Secret> opened = Unseal(key_, SealText(plain, associated), associated);
      ASSERT_TRUE(opened.ok()) << opened.status();
      EXPECT_EQ(opened->ExposeSecret(), plain);
    }
  }
}

// Test case 14 of the GCM specification (McGrew, Viega): zero key, nonce and block.
TEST_F(SealTest, AgreesWithTheSpecification) {
  ConstantRandom zeros(0);
  const absl::StatusOr<std::string> sealed =
      Seal(Secret::CopyOf(std::string(32, '\0')), Secret::CopyOf(std::string(16, '\0')), "", zeros);
  ASSERT_TRUE(sealed.ok()) << sealed.status();
  EXPECT_EQ(ToHex(*sealed),
            "000000000000000000000000"
            "cea7403d4d606b6e074ec5d3baf39d18"
            "d0d1c8a799996bf0265b98b5d48ab919");
}

TEST_F(SealTest, NeverTwiceTheSameAndNeverThePlainText) {
  const std::string first = SealText("plain text", "");
  EXPECT_NE(first, SealText("plain text", ""));
  EXPECT_EQ(first.find("plain"), std::string::npos);
}

TEST_F(SealTest, EveryFlippedBitIsDataLoss) {
  std::string sealed = SealText("plain text", "request 1");
  for (size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    sealed[bit / 8] = static_cast<char>(sealed[bit / 8] ^ (1 << (bit % 8)));
    ExpectDataLoss(sealed, "request 1");
    sealed[bit / 8] = static_cast<char>(sealed[bit / 8] ^ (1 << (bit % 8)));
  }
}

TEST_F(SealTest, EveryCutIsDataLoss) {
  const std::string sealed = SealText("plain text", "request 1");
  for (size_t length = 0; length < sealed.size(); ++length) {
    ExpectDataLoss(std::string_view(sealed).substr(0, length), "request 1");
  }
}

TEST_F(SealTest, OtherAssociatedDataIsDataLoss) {
  ExpectDataLoss(SealText("plain text", "request 1"), "request 2");
  ExpectDataLoss(SealText("plain text", "request 1"), "");
}

TEST_F(SealTest, AnotherKeyIsDataLoss) {
  const absl::Status status =
      Unseal(Secret::CopyOf(std::string(32, 'o')), SealText("plain text", ""), "").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
}

TEST_F(SealTest, AKeyOfAnotherLengthIsADefect) {
  for (const size_t length : {0, 16, 31, 33}) {
    const Secret key = Secret::CopyOf(std::string(length, 'k'));
    EXPECT_EQ(Seal(key, Secret(), "", random_).status().code(), absl::StatusCode::kInternal);
    EXPECT_EQ(Unseal(key, std::string(28, 'x'), "").status().code(), absl::StatusCode::kInternal);
  }
}

TEST_F(SealTest, FailsWithoutEntropy) {
  random_.FailWith(absl::UnavailableError("no entropy"));
  EXPECT_EQ(Seal(key_, Secret(), "", random_).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace claviger
