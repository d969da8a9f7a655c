// The commands and options as shell completion needs them, read from the parser itself so that a
// script is never out of date.
#ifndef CLAVIGER_CLIENT_CLI_COMPLETION_TREE_H_
#define CLAVIGER_CLIENT_CLI_COMPLETION_TREE_H_

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace claviger::cli {

struct CompletionOption {
  // `--project`, `-p`.
  std::vector<std::string> names;
  std::string description;
  bool takes_value = false;
  // What the value may be; empty: anything.
  std::vector<std::string> choices;
  // The value names a file.
  bool is_file = false;
};

// A command and what can stand behind it.
struct CompletionNode {
  // `claviger key issue`.
  std::string path;
  std::string description;
  // Last words of the paths of the commands below.
  std::vector<std::string> commands;
  // Its own; those of the program stand behind every command.
  std::vector<CompletionOption> options;
  // What its arguments may be.
  std::vector<std::string> arguments;
};

// What the value of `option` may be; empty: anything.
std::vector<std::string> ChoicesOf(const CLI::Option& option);

// `root` and all commands below it, each before those below it.
std::vector<CompletionNode> CompletionTree(const CLI::App& root);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_COMPLETION_TREE_H_
