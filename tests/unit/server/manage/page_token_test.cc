#include "server/manage/page_token.h"

#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace claviger {
namespace {

const Sha256Bytes kArguments = Sha256("owner=ann");

TEST(PageTokenTest, APositionOfAnyBytesComesBack) {
  for (const std::string& position :
       {std::string(), std::string("x"), std::string("a\0b\xff\n", 5), std::string(1000, '\x80')}) {
    const std::string token = EncodePageToken(kArguments, position);
    EXPECT_EQ(*DecodePageToken(kArguments, token), position);
  }
}

TEST(PageTokenTest, ATokenIsOfUrlSafeCharacters) {
  EXPECT_THAT(EncodePageToken(kArguments, std::string(100, '\xff')),
              ::testing::MatchesRegex("[A-Za-z0-9_-]+"));
}

TEST(PageTokenTest, WhatIsNotATokenForTheseArgumentsIsRefused) {
  const std::string token = EncodePageToken(kArguments, "position");
  const auto changed_at = [&](size_t index) {
    std::string changed = token;
    changed[index] = changed[index] == 'Q' ? 'R' : 'Q';
    return changed;
  };
  for (const std::string& bad :
       {std::string("garbage"), std::string("!"), std::string("\0", 1), token.substr(0, 10),
        token + "=", token + "A", EncodePageToken(Sha256("owner=bob"), "position"), changed_at(0),
        changed_at(2), changed_at(20), changed_at(token.size() - 2), std::string(2049, 'A'),
        EncodePageToken(kArguments, std::string(2000, 'x'))}) {
    const absl::StatusOr<std::string> position = DecodePageToken(kArguments, bad);
    EXPECT_EQ(position.status().code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_EQ(DetailsOf(position.status()).reason, Reason::kPageTokenInvalid) << bad;
    ASSERT_EQ(DetailsOf(position.status()).fields.size(), 1u) << bad;
    EXPECT_EQ(DetailsOf(position.status()).fields[0].field, "page_token");
  }
}

}  // namespace
}  // namespace claviger
