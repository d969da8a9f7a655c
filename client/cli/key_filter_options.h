// The options by which `key list` and `key revoke` choose keys.
#ifndef CLAVIGER_CLIENT_CLI_KEY_FILTER_OPTIONS_H_
#define CLAVIGER_CLIENT_CLI_KEY_FILTER_OPTIONS_H_

#include <claviger/v1/key_authority.pb.h>
#include <claviger/v1/key_lifecycle.pb.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace claviger::cli {

struct KeyFilterOptions {
  std::vector<std::string> projects;
  std::vector<std::string> states;
  std::string owner;
  std::vector<std::string> labels;
  std::string scope;
  std::string environment;
  std::string name_contains;
  std::string created_before;
  std::string created_after;
  std::string expire_before;
  std::string expire_after;
  std::string last_used_before;
  std::string last_used_after;
  std::string unused_since;
};

// `options` outlives the command.
void AddKeyFilters(CLI::App& command, KeyFilterOptions& options);

// INVALID_ARGUMENT naming the flag that is wrong. `now` is what durations count from.
absl::Status FillKeyFilter(const KeyFilterOptions& options, absl::Time now,
                           v1::ListKeysRequest& request);
absl::Status FillKeyFilter(const KeyFilterOptions& options, absl::Time now, v1::KeyFilter& filter);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_KEY_FILTER_OPTIONS_H_
