// Sizes as people read them.
#ifndef CLAVIGER_CLIENT_CLI_BYTE_TEXT_H_
#define CLAVIGER_CLIENT_CLI_BYTE_TEXT_H_

#include <cstdint>
#include <string>

namespace claviger::cli {

// In the largest unit of which there is one, to a tenth: `17 bytes`, `1.5 KiB`, `3.0 GiB`.
std::string FormatBytes(uint64_t bytes);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_BYTE_TEXT_H_
