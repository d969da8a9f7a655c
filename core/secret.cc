#include "core/secret.h"

#include <openssl/crypto.h>

#include <utility>

namespace claviger {

Secret::Secret(std::string&& bytes) : bytes_(std::move(bytes)) {
  // A short string is moved by copying it: the bytes are still in the source.
  CleanseString(bytes);
}

Secret Secret::CopyOf(std::string_view bytes) { return Secret(std::string(bytes)); }

Secret::~Secret() { Cleanse(); }

Secret::Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)) { other.Cleanse(); }

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) return *this;
  Cleanse();
  bytes_ = std::move(other.bytes_);
  other.Cleanse();
  return *this;
}

void Secret::Cleanse() { CleanseString(bytes_); }

bool ConstantTimeEquals(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void CleanseString(std::string& s) {
  // Up to the capacity: a longer value may have been there before. Never allocates.
  s.resize(s.capacity());
  OPENSSL_cleanse(s.data(), s.size());
  s.clear();
}

}  // namespace claviger
