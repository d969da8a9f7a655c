#include "core/evp.h"

#include <openssl/err.h>

#include <array>
#include <cstdio>
#include <cstdlib>

namespace claviger::evp {
namespace {

const EVP_MD* Fetch(const char* name) {
  const EVP_MD* fetched = EVP_MD_fetch(nullptr, name, nullptr);
  Require(fetched != nullptr, "EVP_MD_fetch");
  return fetched;
}

}  // namespace

void Require(bool ok, const char* operation) {
  if (ok) return;
  std::array<char, 256> reason{};
  ERR_error_string_n(ERR_peek_last_error(), reason.data(), reason.size());
  std::fprintf(stderr, "fatal: OpenSSL %s failed: %s\n", operation, reason.data());
  std::abort();
}

const EVP_MD* Sha256Algorithm() {
  // Kept until the process ends: threads may hash until then.
  static const EVP_MD* const algorithm = Fetch("SHA256");
  return algorithm;
}

const EVP_MD* Sha512Algorithm() {
  static const EVP_MD* const algorithm = Fetch("SHA512");
  return algorithm;
}

DigestContext NewDigestContext() {
  DigestContext context(EVP_MD_CTX_new());
  Require(context != nullptr, "EVP_MD_CTX_new");
  return context;
}

EVP_MD_CTX* ThreadContext() {
  thread_local const DigestContext context = [] {
    DigestContext made = NewDigestContext();
    Require(EVP_DigestInit_ex2(made.get(), Sha256Algorithm(), nullptr) == 1, "EVP_DigestInit_ex2");
    return made;
  }();
  return context.get();
}

}  // namespace claviger::evp
