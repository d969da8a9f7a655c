// What the sources of digest.h and sha256_stream.h share of OpenSSL. Not for other parts.
#ifndef CLAVIGER_CORE_EVP_H_
#define CLAVIGER_CORE_EVP_H_

#include <openssl/evp.h>

#include <cstdint>
#include <memory>
#include <string_view>

namespace claviger::evp {

// Deletes with the function `kFree`.
template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};

using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;

// Ends the process unless `ok`. A hash can only fail for lack of memory or a broken OpenSSL
// installation: going on would mean to compare against bytes that are no digest. `operation` is a
// literal.
void Require(bool ok, const char* operation);

// SHA-256 and SHA-512, fetched once for the process.
const EVP_MD* Sha256Algorithm();
const EVP_MD* Sha512Algorithm();

DigestContext NewDigestContext();

// The calling thread's context for one SHA-256 at a time. To begin without naming the algorithm
// keeps what it has allocated; to name it again frees that and allocates anew.
EVP_MD_CTX* ThreadContext();

inline void Update(EVP_MD_CTX* context, std::string_view data) {
  Require(EVP_DigestUpdate(context, data.data(), data.size()) == 1, "EVP_DigestUpdate");
}

inline const unsigned char* Bytes(std::string_view data) {
  return reinterpret_cast<const unsigned char*>(data.data());
}

}  // namespace claviger::evp

#endif  // CLAVIGER_CORE_EVP_H_
