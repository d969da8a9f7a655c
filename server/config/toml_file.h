// The configuration file: the part of TOML that a flat list of settings needs, read strictly.
//
//   # comment
//   listen = "127.0.0.1:7420"
//   drain-timeout = '10s'
//   insecure = false
//   max-streams-per-connection = 100
#ifndef CLAVIGER_SERVER_CONFIG_TOML_FILE_H_
#define CLAVIGER_SERVER_CONFIG_TOML_FILE_H_

#include <istream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace claviger {

// A line `name = value` of a file; the value without its quotes and escapes.
struct TomlSetting {
  std::string name;
  std::string value;
  int line = 0;  // from 1

  friend bool operator==(const TomlSetting&, const TomlSetting&) = default;
};

// Reads a file of at most 1 MiB. Keys are bare and dashed; values are basic or literal strings,
// integers or booleans. Errors: INVALID_ARGUMENT, `CONFIG_INVALID`, naming the line, for anything
// else, also what TOML itself allows (tables, arrays, dates), and for a key that comes twice.
absl::StatusOr<std::vector<TomlSetting>> ReadToml(std::istream& input);

// `text` as a basic string with its quotes.
std::string TomlString(const std::string& text);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_CONFIG_TOML_FILE_H_
