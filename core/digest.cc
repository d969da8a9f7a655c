#include "core/digest.h"

#include <openssl/crypto.h>
#include <algorithm>

#include "core/evp.h"

namespace claviger {

Sha256Bytes Sha256(std::string_view data) {
  EVP_MD_CTX* const context = evp::ThreadContext();
  evp::Require(EVP_DigestInit_ex2(context, nullptr, nullptr) == 1, "EVP_DigestInit_ex2");
  evp::Update(context, data);
  Sha256Bytes digest;
  evp::Require(EVP_DigestFinal_ex(context, digest.data(), nullptr) == 1, "EVP_DigestFinal_ex");
  return digest;
}

KeyHash HashKey(std::string_view whole_key) { return {Sha256(whole_key)}; }

// A key is longer than a block of SHA-256 and shorter than two: one is done here, one at the end.
KeyHasher::KeyHasher(std::string_view whole_key) {
  EVP_MD_CTX* const context = evp::ThreadContext();
  evp::Require(EVP_DigestInit_ex2(context, nullptr, nullptr) == 1, "EVP_DigestInit_ex2");
  evp::Update(context, whole_key);
}

KeyHash KeyHasher::Finish() {
  KeyHash hash;
  evp::Require(EVP_DigestFinal_ex(evp::ThreadContext(), hash.bytes.data(), nullptr) == 1,
               "EVP_DigestFinal_ex");
  return hash;
}

Sha512Bytes Sha512(std::string_view data) {
  // A context of its own: that of the thread is SHA-256's, and to change it costs an allocation.
  thread_local const evp::DigestContext context = [] {
    evp::DigestContext made = evp::NewDigestContext();
    evp::Require(EVP_DigestInit_ex2(made.get(), evp::Sha512Algorithm(), nullptr) == 1,
                 "EVP_DigestInit_ex2");
    return made;
  }();
  evp::Require(EVP_DigestInit_ex2(context.get(), nullptr, nullptr) == 1, "EVP_DigestInit_ex2");
  evp::Update(context.get(), data);
  Sha512Bytes digest;
  evp::Require(EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1,
               "EVP_DigestFinal_ex");
  return digest;
}

bool Equal(const KeyHash& a, const KeyHash& b) {
  return ConstantTimeEquals(AsBytes(a.bytes), AsBytes(b.bytes));
}

bool Equal(const KeyDigest& a, const KeyDigest& b) {
  return ConstantTimeEquals(AsBytes(a.bytes), AsBytes(b.bytes));
}

void Cleanse(KeyHash& hash) { OPENSSL_cleanse(hash.bytes.data(), hash.bytes.size()); }

std::string ToHex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex += kDigits[byte >> 4U];
    hex += kDigits[byte & 0xFU];
  }
  return hex;
}

bool FromBytes(std::string_view bytes, Sha256Bytes& out) {
  if (bytes.size() != out.size()) return false;
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return true;
}

std::string_view AsBytes(const Sha256Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string_view AsBytes(const Sha512Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace claviger
