#include "client/cli/confirmation.h"

#include <unistd.h>

#include <sstream>
#include <string>

#include "gtest/gtest.h"

namespace claviger::cli {
namespace {

// What Confirm makes of `answer`, typed on a terminal.
bool Answered(const std::string& answer) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  EXPECT_EQ(write(ends[1], answer.data(), answer.size()), static_cast<ssize_t>(answer.size()));
  close(ends[1]);
  std::ostringstream out;
  std::ostringstream err;
  Console console{.out = out, .err = err, .in_fd = ends[0], .in_is_terminal = true};
  const absl::StatusOr<bool> confirmed = Confirm(console, "Revoke 3 keys?");
  close(ends[0]);
  EXPECT_TRUE(confirmed.ok());
  EXPECT_EQ(err.str(), "Revoke 3 keys? [y/N] ");
  EXPECT_EQ(out.str(), "");
  return confirmed.ok() && *confirmed;
}

TEST(ConfirmationTest, OnlyAYesIsAYes) {
  for (const std::string answer : {"y\n", "Y\n", "yes\n", " yes \r\n", "y"}) {
    EXPECT_TRUE(Answered(answer)) << answer;
  }
  for (const std::string answer : {"\n", "", "n\n", "no\n", "yy\n", "yes please\n", "n\ny\n"}) {
    EXPECT_FALSE(Answered(answer)) << answer;
  }
  EXPECT_FALSE(Answered("y" + std::string(100, ' ') + "n\n"));
}

TEST(ConfirmationTest, WhereNobodyCanBeAskedTheFlagIsNamed) {
  std::ostringstream out;
  std::ostringstream err;
  Console console{.out = out, .err = err};
  const absl::StatusOr<bool> confirmed = Confirm(console, "Revoke 3 keys?");
  EXPECT_EQ(confirmed.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(confirmed.status().message().find("--yes"), std::string::npos);
  EXPECT_EQ(err.str(), "");
}

}  // namespace
}  // namespace claviger::cli
