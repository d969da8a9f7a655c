#include "core/platform/system_random.h"

#include <openssl/rand.h>

#include <algorithm>
#include <climits>

#include "core/status.h"

namespace claviger {

absl::Status SystemRandom::Fill(std::span<uint8_t> out) {
  while (!out.empty()) {
    const size_t length = std::min<size_t>(out.size(), INT_MAX);
    if (RAND_priv_bytes(out.data(), static_cast<int>(length)) != 1) {
      return ErrorBuilder(absl::StatusCode::kUnavailable, Reason::kInternal)
          .Build("OpenSSL's random generator has no entropy");
    }
    out = out.subspan(length);
  }
  return absl::OkStatus();
}

}  // namespace claviger
