#include "core/sha256_stream.h"

#include "core/evp.h"

namespace claviger {
namespace {

void Begin(EVP_MD_CTX* context) {
  evp::Require(EVP_DigestInit_ex2(context, evp::Sha256Algorithm(), nullptr) == 1,
               "EVP_DigestInit_ex2");
}

}  // namespace

struct Sha256Stream::Context {
  evp::DigestContext evp = evp::NewDigestContext();
};

Sha256Stream::Sha256Stream() : context_(std::make_unique<Context>()) { Begin(context_->evp.get()); }

Sha256Stream::~Sha256Stream() = default;

void Sha256Stream::Add(std::string_view bytes) { evp::Update(context_->evp.get(), bytes); }

Sha256Bytes Sha256Stream::Finish() {
  Sha256Bytes hash{};
  EVP_MD_CTX* const evp = context_->evp.get();
  evp::Require(EVP_DigestFinal_ex(evp, hash.data(), nullptr) == 1, "EVP_DigestFinal_ex");
  Begin(evp);
  return hash;
}

}  // namespace claviger
