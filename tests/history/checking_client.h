// A process that does nothing but check keys, through the client library that users have.
#ifndef CLAVIGER_TESTS_HISTORY_CHECKING_CLIENT_H_
#define CLAVIGER_TESTS_HISTORY_CHECKING_CLIENT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace claviger::history {

// The first argument of this program that makes it such a process.
inline constexpr std::string_view kCheckingClientRole = "checking-client";

struct CheckingClientOptions {
  std::string record_file;
  std::string endpoint;
  // Of the management key.
  std::string key_file;
  // Which of the record's processes this is.
  uint32_t process = 0;
  uint64_t seed = 0;
};

// The arguments behind the role, and back.
std::vector<std::string> ToArguments(const CheckingClientOptions& options);
absl::StatusOr<CheckingClientOptions> FromArguments(const std::vector<std::string>& arguments);

// Checks all keys that the record names, over and over, until the record says stop.
absl::Status RunCheckingClient(const CheckingClientOptions& options);

}  // namespace claviger::history

#endif  // CLAVIGER_TESTS_HISTORY_CHECKING_CLIENT_H_
