// Runs kept inputs through the fuzz targets, in builds without libFuzzer.
//
//   claviger_fuzz_replay TARGET FILE-OR-FOLDER...
//   claviger_fuzz_replay            lists the targets
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.h"

namespace claviger::fuzz {
namespace {

std::map<std::string, Target, std::less<>>& Targets() {
  static auto& targets = *new std::map<std::string, Target, std::less<>>();
  return targets;
}

std::vector<std::filesystem::path> FilesOf(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return {path};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

int Replay(const std::vector<std::string>& arguments) {
  if (arguments.empty()) {
    for (const auto& [name, target] : Targets()) std::cout << name << '\n';
    return 0;
  }
  const auto target = Targets().find(arguments.front());
  if (target == Targets().end()) {
    std::cerr << "there is no target " << arguments.front() << '\n';
    return 2;
  }
  size_t inputs = 0;
  for (size_t i = 1; i < arguments.size(); ++i) {
    for (const std::filesystem::path& path : FilesOf(arguments[i])) {
      std::ifstream file(path, std::ios::binary);
      const std::string input((std::istreambuf_iterator<char>(file)),
                              std::istreambuf_iterator<char>());
      if (!file) {
        std::cerr << path << ": cannot be read\n";
        return 1;
      }
      // Named first: an input that ends the program has said which one it was.
      std::cerr << path.filename().string() << '\n';
      target->second(input);
      ++inputs;
    }
  }
  std::cerr << inputs << " inputs\n";
  return inputs > 0 ? 0 : 1;
}

}  // namespace

Registration::Registration(std::string_view name, Target target) {
  Targets().emplace(name, target);
}

}  // namespace claviger::fuzz

int main(int argc, char** argv) { return claviger::fuzz::Replay({argv + 1, argv + argc}); }
