// How far a command is, for a person who watches.
#ifndef CLAVIGER_CLIENT_CLI_PROGRESS_LINE_H_
#define CLAVIGER_CLIENT_CLI_PROGRESS_LINE_H_

#include <cstdint>
#include <string_view>

#include "client/cli/console.h"

namespace claviger::cli {

// One line on `err` that is written over and over; nothing where that is no terminal.
//
// Thread safety: none. Ownership: the console outlives it.
class ProgressLine {
 public:
  explicit ProgressLine(Console& console) : console_(console) {}

  // A bar where `total` is not 0, which stands for unknown, and `text` behind it.
  void Show(uint64_t done, uint64_t total, std::string_view text);
  // Before anything else is written.
  void Clear();

 private:
  Console& console_;
  bool shown_ = false;
};

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_PROGRESS_LINE_H_
