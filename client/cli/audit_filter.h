// Which entries of the audit log a command is about.
#ifndef CLAVIGER_CLIENT_CLI_AUDIT_FILTER_H_
#define CLAVIGER_CLIENT_CLI_AUDIT_FILTER_H_

#include <claviger/v1/audit.pb.h>
#include <CLI/CLI.hpp>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace claviger::cli {

// As typed.
struct AuditFilterOptions {
  std::vector<std::string> projects;
  std::string key_id;
  std::string actor;
  std::vector<std::string> actions;
  bool refused = false;
  std::string since;
  std::string until;
};

// Declares the options on `command`, to be stored in `options`, which outlives it.
void AddAuditFilter(CLI::App& command, AuditFilterOptions& options, bool with_times);

// INVALID_ARGUMENT naming the option that is wrong.
absl::Status FillAuditFilter(const AuditFilterOptions& options, absl::Time now,
                             v1::AuditFilter& filter);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_AUDIT_FILTER_H_
