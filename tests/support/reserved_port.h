// A port of the loopback address that stays ours while nobody listens on it.
#ifndef CLAVIGER_TESTS_SUPPORT_RESERVED_PORT_H_
#define CLAVIGER_TESTS_SUPPORT_RESERVED_PORT_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "core/file_descriptor.h"

namespace claviger {

// For a server that is restarted, or a proxy that refuses for a while: between two listeners the
// system must not give the port to somebody else, nor to a connection to that very port, which
// would then be connected to itself. Holds a socket that is bound and does not listen: whoever sets
// SO_REUSEADDR may listen beside it, and without a listener a connection is refused.
//
// Thread safety: immutable.
class ReservedPort {
 public:
  static absl::StatusOr<std::unique_ptr<ReservedPort>> Reserve();

  uint16_t number() const { return number_; }
  // Listens on it; non-blocking.
  absl::StatusOr<FileDescriptor> Listen() const;

 private:
  ReservedPort(FileDescriptor held, uint16_t number) : held_(std::move(held)), number_(number) {}

  const FileDescriptor held_;
  const uint16_t number_;
};

}  // namespace claviger

#endif  // CLAVIGER_TESTS_SUPPORT_RESERVED_PORT_H_
