#include <array>
#include <climits>
#include <utility>

#include "core/digest.h"
#include "core/evp.h"
#include "core/status.h"

namespace claviger {
namespace {

// sealed = nonce, ciphertext, tag. NIST SP 800-38D: 96-bit nonce, 128-bit tag.
constexpr size_t kKeyBytes = 32;
constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, evp::Free<EVP_CIPHER_CTX_free>>;

absl::Status Internal(const char* message) {
  return ErrorBuilder(absl::StatusCode::kInternal, Reason::kInternal).Build(message);
}

absl::Status NotSealedHere() {
  return ErrorBuilder(absl::StatusCode::kDataLoss, Reason::kDataCorrupt)
      .Build("sealed data does not open with this key");
}

const EVP_CIPHER* Algorithm() {
  // Kept until the process ends.
  static const EVP_CIPHER* const algorithm = [] {
    const EVP_CIPHER* fetched = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
    evp::Require(fetched != nullptr, "EVP_CIPHER_fetch(AES-256-GCM)");
    return fetched;
  }();
  return algorithm;
}

// Sizes go into OpenSSL as int.
bool FitsInt(std::string_view data) { return data.size() <= INT_MAX; }

}  // namespace

absl::StatusOr<std::string> Seal(const Secret& key, const Secret& plain,
                                 std::string_view associated, RandomSource& random) {
  const std::string_view input = plain.ExposeSecret();
  if (key.size() != kKeyBytes) return Internal("the key to seal with must have 32 bytes");
  if (!FitsInt(input) || !FitsInt(associated)) return Internal("too long to be sealed");

  std::array<uint8_t, kNonceBytes> nonce;
  const absl::Status filled = random.Fill(nonce);
  if (!filled.ok()) return filled;
  std::string sealed(nonce.begin(), nonce.end());
  sealed.resize(kNonceBytes + input.size() + kTagBytes);
  auto* const ciphertext = reinterpret_cast<unsigned char*>(sealed.data()) + kNonceBytes;

  const CipherContext context(EVP_CIPHER_CTX_new());
  int length = 0;
  const bool done = context != nullptr &&
                    EVP_EncryptInit_ex2(context.get(), Algorithm(), evp::Bytes(key.ExposeSecret()),
                                        nonce.data(), nullptr) == 1 &&
                    EVP_EncryptUpdate(context.get(), nullptr, &length, evp::Bytes(associated),
                                      static_cast<int>(associated.size())) == 1 &&
                    EVP_EncryptUpdate(context.get(), ciphertext, &length, evp::Bytes(input),
                                      static_cast<int>(input.size())) == 1 &&
                    EVP_EncryptFinal_ex(context.get(), ciphertext + length, &length) == 1 &&
                    EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes,
                                        ciphertext + input.size()) == 1;
  if (!done) return Internal("OpenSSL could not encrypt");
  return sealed;
}

absl::StatusOr<Secret> Unseal(const Secret& key, std::string_view sealed,
                              std::string_view associated) {
  if (key.size() != kKeyBytes) return Internal("the key to unseal with must have 32 bytes");
  if (sealed.size() < kNonceBytes + kTagBytes || !FitsInt(sealed) || !FitsInt(associated)) {
    return NotSealedHere();
  }
  const std::string_view nonce = sealed.substr(0, kNonceBytes);
  const std::string_view ciphertext =
      sealed.substr(kNonceBytes, sealed.size() - kNonceBytes - kTagBytes);
  std::array<char, kTagBytes> tag;
  sealed.copy(tag.data(), tag.size(), sealed.size() - kTagBytes);

  std::string plain(ciphertext.size(), '\0');
  auto* const output = reinterpret_cast<unsigned char*>(plain.data());
  const CipherContext context(EVP_CIPHER_CTX_new());
  int length = 0;
  const bool opened =
      context != nullptr &&
      EVP_DecryptInit_ex2(context.get(), Algorithm(), evp::Bytes(key.ExposeSecret()),
                          evp::Bytes(nonce), nullptr) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &length, evp::Bytes(associated),
                        static_cast<int>(associated.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), output, &length, evp::Bytes(ciphertext),
                        static_cast<int>(ciphertext.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context.get(), output + length, &length) == 1;
  if (!opened) {
    // GCM decrypts before it knows whether to trust: what it wrote must not be seen.
    CleanseString(plain);
    return NotSealedHere();
  }
  return Secret(std::move(plain));
}

}  // namespace claviger
