#include "client/cli/completion_command.h"

#include <memory>
#include <string>
#include <vector>

#include "client/cli/completion_script.h"
#include "client/cli/completion_tree.h"

namespace claviger::cli {
namespace {

std::string ScriptFor(const std::string& shell, const std::vector<CompletionNode>& tree) {
  if (shell == "bash") return BashCompletion(tree);
  return shell == "zsh" ? ZshCompletion(tree) : FishCompletion(tree);
}

}  // namespace

void AddCompletion(CLI::App& root, CommandSet& commands) {
  auto shell = std::make_shared<std::string>();
  CLI::App& command = commands.Add(root, "completion", "Print a script that completes commands",
                                   "  source <(claviger completion bash)\n"
                                   "  claviger completion zsh > ~/.zfunc/_claviger\n"
                                   "  claviger completion fish | source");
  command.add_option("shell", *shell, "For which shell")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->type_name("SHELL");
  commands.OnRun(command, [shell, &root](CommandContext& context) {
    context.Print(ScriptFor(*shell, CompletionTree(root)));
    return ExitCode::kOk;
  });
}

}  // namespace claviger::cli
