#include "client/cli/completion_script.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string_view>

namespace claviger::cli {
namespace {

std::string Replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string replaced(text);
  for (size_t at = replaced.find(from); at != std::string::npos;
       at = replaced.find(from, at + to.size())) {
    replaced.replace(at, from.size(), to);
  }
  return replaced;
}

// A word that bash and zsh take as it is.
std::string Quoted(std::string_view text) { return "'" + Replaced(text, "'", R"('\'')") + "'"; }

// The same for fish.
std::string FishQuoted(std::string_view text) {
  return "'" + Replaced(Replaced(text, R"(\)", R"(\\)"), "'", R"(\')") + "'";
}

// A word of zsh's `name:description` lists.
std::string ZshItem(std::string_view name, std::string_view description) {
  return Quoted(fmt::format("{}:{}", Replaced(name, ":", R"(\:)"), description));
}

// `'claviger key'|'claviger key get'`: all commands below the program.
std::string CommandPattern(const std::vector<CompletionNode>& tree) {
  std::vector<std::string> paths;
  for (size_t i = 1; i < tree.size(); ++i) paths.push_back(Quoted(tree[i].path));
  return fmt::format("{}", fmt::join(paths, "|"));
}

// `'claviger key issue --env'|…`: the names of `option` behind `node`; those of the program's own
// options behind anything.
std::string OptionPattern(const CompletionNode& node, const CompletionOption& option) {
  const bool anywhere = node.path.find(' ') == std::string::npos;
  std::vector<std::string> patterns;
  for (const std::string& name : option.names) {
    patterns.push_back(anywhere ? "*" + Quoted(" " + name) : Quoted(node.path + " " + name));
  }
  return fmt::format("{}", fmt::join(patterns, "|"));
}

// A `case` of both shells that completes the value of the option before the cursor: `files`,
// `choices` (with `{}` for them) or `anything` is what it does for each kind.
std::string ValueCases(const std::vector<CompletionNode>& tree, std::string_view files,
                       std::string_view choices, std::string_view anything) {
  std::string cases;
  for (const CompletionNode& node : tree) {
    for (const CompletionOption& option : node.options) {
      if (!option.takes_value) continue;
      std::string action(option.is_file ? files : anything);
      if (!option.choices.empty()) {
        action = Replaced(choices, "{}", fmt::format("{}", fmt::join(option.choices, " ")));
      }
      cases += fmt::format("    {}) {}; return ;;\n", OptionPattern(node, option), action);
    }
  }
  return cases;
}

// Options whose next word is a value, not a command.
std::string ValueOptionPattern(const std::vector<CompletionNode>& tree) {
  std::vector<std::string> patterns;
  for (const CompletionNode& node : tree) {
    for (const CompletionOption& option : node.options) {
      if (option.takes_value) patterns.push_back(OptionPattern(node, option));
    }
  }
  return fmt::format("{}", fmt::join(patterns, "|"));
}

std::vector<std::string> OptionNames(const CompletionNode& node) {
  std::vector<std::string> names;
  for (const CompletionOption& option : node.options) {
    names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return names;
}

std::string LastWord(const std::string& path) { return path.substr(path.rfind(' ') + 1); }

// The commands right below `node`.
std::vector<const CompletionNode*> Below(const std::vector<CompletionNode>& tree,
                                         const CompletionNode& node) {
  std::vector<const CompletionNode*> below;
  for (const CompletionNode& candidate : tree) {
    if (candidate.path == node.path + " " + LastWord(candidate.path)) below.push_back(&candidate);
  }
  return below;
}

std::vector<std::string> ZshOptions(const CompletionNode& node) {
  std::vector<std::string> items;
  for (const CompletionOption& option : node.options) {
    for (const std::string& name : option.names) items.push_back(ZshItem(name, option.description));
  }
  return items;
}

std::string FishOption(const CompletionOption& option) {
  std::string text;
  for (const std::string& name : option.names) {
    text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  if (option.takes_value) text += option.is_file ? " -r -F" : " -x";
  if (!option.choices.empty()) text += fmt::format(" -a '{}'", fmt::join(option.choices, " "));
  return text + " -d " + FishQuoted(option.description);
}

}  // namespace

std::string BashCompletion(const std::vector<CompletionNode>& tree) {
  std::string words;
  for (const CompletionNode& node : tree) {
    words += fmt::format("    {}) commands='{}'; options='{}' ;;\n", Quoted(node.path),
                         fmt::join(node.commands.empty() ? node.arguments : node.commands, " "),
                         fmt::join(OptionNames(node), " "));
  }
  std::string script = R"sh(# bash completion for claviger, made by `claviger completion bash`
_claviger() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
  local command=claviger commands='' options='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$command ${COMP_WORDS[i-1]}" in
      @VALUE_OPTIONS@) continue ;;
    esac
    case "$command ${COMP_WORDS[i]}" in
      @COMMANDS@) command="$command ${COMP_WORDS[i]}" ;;
    esac
  done
  case "$command $previous" in
@VALUES@  esac
  case "$command" in
@WORDS@  esac
  if [[ $current == -* ]]; then commands="$options @EVERYWHERE@"; fi
  COMPREPLY=($(compgen -W "$commands" -- "$current"))
}
complete -F _claviger claviger
)sh";
  script = Replaced(script, "@VALUE_OPTIONS@", ValueOptionPattern(tree));
  script = Replaced(script, "@COMMANDS@", CommandPattern(tree));
  script = Replaced(script, "@VALUES@",
                    ValueCases(tree, R"(COMPREPLY=($(compgen -f -- "$current")))",
                               R"(COMPREPLY=($(compgen -W '{}' -- "$current")))", ":"));
  script = Replaced(script, "@EVERYWHERE@",
                    fmt::format("{}", fmt::join(OptionNames(tree.front()), " ")));
  return Replaced(script, "@WORDS@", words);
}

std::string ZshCompletion(const std::vector<CompletionNode>& tree) {
  std::string words;
  for (const CompletionNode& node : tree) {
    std::vector<std::string> commands = node.arguments;
    for (const CompletionNode* below : Below(tree, node)) {
      commands.push_back(ZshItem(LastWord(below->path), below->description));
    }
    words += fmt::format("    {})\n      commands=({})\n      options=({}) ;;\n", Quoted(node.path),
                         fmt::join(commands, " "), fmt::join(ZshOptions(node), " "));
  }
  std::string script = R"sh(#compdef claviger
# zsh completion for claviger, made by `claviger completion zsh`
_claviger() {
  local command=claviger i
  local -a commands options
  for ((i = 2; i < CURRENT; i++)); do
    case "$command ${words[i-1]}" in
      @VALUE_OPTIONS@) continue ;;
    esac
    case "$command ${words[i]}" in
      @COMMANDS@) command="$command ${words[i]}" ;;
    esac
  done
  case "$command ${words[CURRENT-1]}" in
@VALUES@  esac
  case "$command" in
@WORDS@  esac
  if [[ ${words[CURRENT]} == -* ]]; then
    options+=(@EVERYWHERE@)
    _describe option options
  else
    _describe command commands
  fi
}
if [[ ${funcstack[1]} == _claviger ]]; then _claviger "$@"; else compdef _claviger claviger; fi
)sh";
  script = Replaced(script, "@VALUE_OPTIONS@", ValueOptionPattern(tree));
  script = Replaced(script, "@COMMANDS@", CommandPattern(tree));
  script = Replaced(script, "@VALUES@",
                    ValueCases(tree, "_files", "compadd -- {}", "_message 'a value'"));
  script =
      Replaced(script, "@EVERYWHERE@", fmt::format("{}", fmt::join(ZshOptions(tree.front()), " ")));
  return Replaced(script, "@WORDS@", words);
}

std::string FishCompletion(const std::vector<CompletionNode>& tree) {
  std::string paths;
  std::string lines;
  for (const CompletionNode& node : tree) {
    const bool is_program = &node == &tree.front();
    if (!is_program) paths += " " + FishQuoted(node.path);
    const std::string at = fmt::format("complete -c claviger -n '__claviger_at {}'", node.path);
    for (const CompletionNode* below : Below(tree, node)) {
      lines += fmt::format("{} -a {} -d {}\n", at, LastWord(below->path),
                           FishQuoted(below->description));
    }
    if (!node.arguments.empty()) {
      lines += fmt::format("{} -a '{}'\n", at, fmt::join(node.arguments, " "));
    }
    for (const CompletionOption& option : node.options) {
      lines += (is_program ? "complete -c claviger" : at) + FishOption(option) + '\n';
    }
  }
  const std::string script = R"sh(# fish completion for claviger, made by `claviger completion fish`
set -g __claviger_commands@PATHS@
function __claviger_at
    set -l command claviger
    for word in (commandline -opc)[2..-1]
        if contains -- "$command $word" $__claviger_commands
            set command "$command $word"
        end
    end
    test "$command" = "$argv"
end
complete -c claviger -f
@LINES@)sh";
  return Replaced(Replaced(script, "@PATHS@", paths), "@LINES@", lines);
}

}  // namespace claviger::cli
