// SHA-256 of bytes that come in pieces.
#ifndef CLAVIGER_CORE_SHA256_STREAM_H_
#define CLAVIGER_CORE_SHA256_STREAM_H_

#include <memory>
#include <string_view>

#include "core/digest.h"

namespace claviger {

// Thread safety: none.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();

  Sha256Stream(const Sha256Stream&) = delete;
  Sha256Stream& operator=(const Sha256Stream&) = delete;

  void Add(std::string_view bytes);
  // Of all that was added. Begins anew.
  Sha256Bytes Finish();

 private:
  struct Context;
  const std::unique_ptr<Context> context_;
};

}  // namespace claviger

#endif  // CLAVIGER_CORE_SHA256_STREAM_H_
