// Completion scripts for shells.
#ifndef CLAVIGER_CLIENT_CLI_COMPLETION_SCRIPT_H_
#define CLAVIGER_CLIENT_CLI_COMPLETION_SCRIPT_H_

#include <string>
#include <vector>

#include "client/cli/completion_tree.h"

namespace claviger::cli {

// Scripts to be sourced, for the tree whose first node is the program. All of them walk the typed
// words to the command, then offer its commands, options or values.
std::string BashCompletion(const std::vector<CompletionNode>& tree);
std::string ZshCompletion(const std::vector<CompletionNode>& tree);
std::string FishCompletion(const std::vector<CompletionNode>& tree);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_COMPLETION_SCRIPT_H_
