// Which settings differ between two configurations.
#ifndef CLAVIGER_SERVER_APP_CONFIG_DIFFERENCE_H_
#define CLAVIGER_SERVER_APP_CONFIG_DIFFERENCE_H_

#include <string>
#include <vector>

#include "server/config/server_config.h"

namespace claviger {

// Names of the settings whose values differ, as they stand in a configuration file.
std::vector<std::string> ChangedSettings(const ServerConfig& a, const ServerConfig& b);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_APP_CONFIG_DIFFERENCE_H_
