#include "server/app/memory_limit.h"

#include <cstddef>
#include <cstdint>
#include <optional>

#include "server/logging/log.h"
#include "server/transport/listen_address.h"

namespace claviger {

std::unique_ptr<MemoryGuard> GuardMemory(const ServerConfig& config,
                                         const std::string& grpc_address) {
  const std::optional<ListenAddress> address = ListenAddress::Parse(grpc_address);
  if (!address.has_value() || address->is_unix()) return nullptr;
  MemoryGuardOptions options;
  options.port = address->port();
  // The caches of a store that was just opened may fill within the window.
  options.most_growth = config.store.memory_bytes + config.limits.transport_memory_bytes;
  return std::make_unique<MemoryGuard>(options, [](size_t ended, uint64_t growth) {
    log::Warning("memory grew too fast: ended the connections that took in the most",
                 {{"ended", ended}, {"growth_bytes", growth}});
  });
}

}  // namespace claviger
