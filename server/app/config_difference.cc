#include "server/app/config_difference.h"

#include <map>
#include <sstream>

#include "server/config/command_line.h"

namespace claviger {
namespace {

// Setting to value, from the lines `name = value`.
std::map<std::string, std::string> Lines(const ServerConfig& config) {
  std::map<std::string, std::string> values;
  std::istringstream text(ToToml(config));
  for (std::string line; std::getline(text, line);) {
    const size_t equals = line.find('=');
    if (equals == std::string::npos) continue;
    values[line.substr(0, line.find_last_not_of(' ', equals - 1) + 1)] = line.substr(equals + 1);
  }
  return values;
}

}  // namespace

std::vector<std::string> ChangedSettings(const ServerConfig& a, const ServerConfig& b) {
  const std::map<std::string, std::string> old_values = Lines(a);
  const std::map<std::string, std::string> new_values = Lines(b);
  std::vector<std::string> changed;
  for (const auto& [name, value] : new_values) {
    const auto it = old_values.find(name);
    if (it == old_values.end() || it->second != value) changed.push_back(name);
  }
  for (const auto& [name, value] : old_values) {
    if (!new_values.contains(name)) changed.push_back(name);
  }
  return changed;
}

}  // namespace claviger
