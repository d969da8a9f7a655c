// Options that every command takes.
#ifndef CLAVIGER_CLIENT_CLI_GLOBAL_OPTIONS_H_
#define CLAVIGER_CLIENT_CLI_GLOBAL_OPTIONS_H_

#include <CLI/CLI.hpp>

#include <string>

#include "client/cli/server_target.h"

namespace claviger::cli {

// As typed; checked when a command connects.
struct GlobalOptions {
  std::string server = kDefaultServer;
  std::string key_file;
  TransportOptions transport;
  std::string timeout = "30s";
  std::string output = "table";
  bool no_color = false;
};

// Declares the options on `root`, to be stored in `options`, which outlives it.
void AddGlobalOptions(CLI::App& root, GlobalOptions& options);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_GLOBAL_OPTIONS_H_
