#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "core/digest.h"
#include "core/evp.h"
#include "core/status.h"
#include "fmt/format.h"

namespace claviger {
namespace {

constexpr std::string_view kDigestLabel = "claviger.v1";
constexpr std::string_view kImportedLabel = "claviger.imported.v1";
constexpr std::string_view kCanaryInput = "claviger.canary";
constexpr std::string_view kLineSyntax =
    "must be `id:base64` with an id of [a-z0-9-]{1,32} and at least 32 bytes";
constexpr size_t kMaxIdLength = 32;
constexpr size_t kDerivedKeyBytes = 32;
constexpr size_t kSha256BlockBytes = 64;

// HMAC (RFC 2104) with the key's half of the work done beforehand: SHA-256 that has taken in the
// key's inner and outer block. A message of up to 55 bytes then costs two compressions, ours three.
//
// Thread safety: immutable after construction, `Mac` may be called from any thread at once.
class HmacKey {
 public:
  explicit HmacKey(std::string_view key)
      : inner_(AfterBlock(key, 0x36)), outer_(AfterBlock(key, 0x5C)) {}

  Sha256Bytes Mac(std::string_view label, std::string_view id, std::string_view hash) const {
    EVP_MD_CTX* const context = evp::ThreadContext();
    Resume(context, inner_);
    evp::Update(context, label);
    evp::Update(context, id);
    evp::Update(context, hash);
    Sha256Bytes digest;
    Finish(context, digest);
    Resume(context, outer_);
    evp::Update(context, AsBytes(digest));
    Finish(context, digest);
    return digest;
  }

 private:
  static evp::DigestContext AfterBlock(std::string_view key, unsigned char pad) {
    std::array<unsigned char, kSha256BlockBytes> block{};
    if (key.size() <= block.size()) {
      std::copy(key.begin(), key.end(), block.begin());
    } else {
      const Sha256Bytes hashed = Sha256(key);
      std::copy(hashed.begin(), hashed.end(), block.begin());
    }
    for (unsigned char& byte : block) byte ^= pad;
    evp::DigestContext context = evp::NewDigestContext();
    evp::Require(EVP_DigestInit_ex2(context.get(), evp::Sha256Algorithm(), nullptr) == 1,
                 "EVP_DigestInit_ex2");
    evp::Require(EVP_DigestUpdate(context.get(), block.data(), block.size()) == 1,
                 "EVP_DigestUpdate");
    OPENSSL_cleanse(block.data(), block.size());
    return context;
  }

  static void Resume(EVP_MD_CTX* context, const evp::DigestContext& from) {
    evp::Require(EVP_MD_CTX_copy_ex(context, from.get()) == 1, "EVP_MD_CTX_copy_ex");
  }

  static void Finish(EVP_MD_CTX* context, Sha256Bytes& digest) {
    evp::Require(EVP_DigestFinal_ex(context, digest.data(), nullptr) == 1, "EVP_DigestFinal_ex");
  }

  evp::DigestContext inner_;
  evp::DigestContext outer_;
};

struct Pepper {
  Pepper(std::string_view pepper_id, Secret bytes)
      : id(pepper_id), secret(std::move(bytes)), hmac(secret.ExposeSecret()) {}

  std::string id;
  Secret secret;
  HmacKey hmac;
};

bool IsPepperId(std::string_view id) {
  if (id.empty() || id.size() > kMaxIdLength) return false;
  return std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) + 1 - first);
}

// Padded base64 (RFC 4648, section 4); nullopt for anything else.
std::optional<Secret> DecodeBase64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > (1U << 20U)) return std::nullopt;
  std::string_view digits = text;
  if (digits.ends_with('=')) digits.remove_suffix(1);
  if (digits.ends_with('=')) digits.remove_suffix(1);
  // OpenSSL skips blanks and stops at `-`: neither is base64.
  const bool clean = std::all_of(digits.begin(), digits.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
  });
  if (!clean) return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  const int decoded = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                      evp::Bytes(text), static_cast<int>(text.size()));
  if (decoded != static_cast<int>(bytes.size())) {
    CleanseString(bytes);
    return std::nullopt;
  }
  bytes.resize(bytes.size() - (text.size() - digits.size()));
  return Secret(std::move(bytes));
}

absl::Status BadLine(size_t line, std::string_view what) {
  return ErrorBuilder(absl::StatusCode::kInvalidArgument, Reason::kConfigInvalid)
      .Build(fmt::format("line {} of the pepper file {}", line, what));
}

}  // namespace

struct PepperSet::Impl {
  // Never empty. A handful at most: searched from the front.
  std::vector<Pepper> peppers;

  const Pepper* Find(std::string_view id) const {
    const auto found = std::find_if(peppers.begin(), peppers.end(),
                                    [id](const Pepper& pepper) { return pepper.id == id; });
    return found == peppers.end() ? nullptr : &*found;
  }

  absl::StatusOr<const Pepper*> FindOrError(std::string_view id) const {
    const Pepper* const pepper = Find(id);
    if (pepper != nullptr) return pepper;
    return ErrorBuilder(absl::StatusCode::kFailedPrecondition, Reason::kConfigInvalid)
        .Build(fmt::format("the pepper file has no pepper `{}`", id));
  }
};

absl::StatusOr<PepperSet> PepperSet::Parse(const Secret& text) {
  auto impl = std::make_unique<Impl>();
  std::string_view rest = text.ExposeSecret();
  for (size_t number = 1; !rest.empty(); ++number) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    line = Trim(line.substr(0, line.find('#')));
    if (line.empty()) continue;

    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return BadLine(number, kLineSyntax);
    const std::string_view id = line.substr(0, colon);
    std::optional<Secret> pepper = DecodeBase64(line.substr(colon + 1));
    if (!IsPepperId(id) || !pepper.has_value() || pepper->size() < kMinPepperBytes) {
      return BadLine(number, kLineSyntax);
    }
    if (impl->Find(id) != nullptr) return BadLine(number, "has an id that was there before");
    impl->peppers.emplace_back(id, *std::move(pepper));
  }
  if (impl->peppers.empty()) {
    return ErrorBuilder(absl::StatusCode::kInvalidArgument, Reason::kConfigInvalid)
        .Build("the pepper file has no pepper: it needs at least one line `id:base64`");
  }
  return PepperSet(std::move(impl));
}

absl::StatusOr<Secret> PepperSet::GenerateLine(std::string_view id, RandomSource& random) {
  if (!IsPepperId(id)) return InvalidField("pepper id", "must match [a-z0-9-]{1,32}");
  std::array<uint8_t, kMinPepperBytes> pepper;
  const absl::Status filled = random.Fill(pepper);
  if (!filled.ok()) return filled;
  std::array<unsigned char, (kMinPepperBytes + 2) / 3 * 4 + 1> base64;
  const int length = EVP_EncodeBlock(base64.data(), pepper.data(), pepper.size());
  std::string line;
  line.reserve(id.size() + base64.size() + 2);  // never moves, so that no copy is left behind
  line += id;
  line += ':';
  line.append(reinterpret_cast<const char*>(base64.data()), static_cast<size_t>(length));
  line += '\n';
  OPENSSL_cleanse(pepper.data(), pepper.size());
  OPENSSL_cleanse(base64.data(), base64.size());
  return Secret(std::move(line));
}

PepperSet::PepperSet(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
PepperSet::PepperSet(PepperSet&&) noexcept = default;
PepperSet& PepperSet::operator=(PepperSet&&) noexcept = default;
PepperSet::~PepperSet() = default;

const std::string& PepperSet::writing_id() const { return impl_->peppers.front().id; }

bool PepperSet::Contains(std::string_view pepper_id) const {
  return impl_->Find(pepper_id) != nullptr;
}

std::vector<std::string> PepperSet::ids() const {
  std::vector<std::string> ids;
  ids.reserve(impl_->peppers.size());
  for (const Pepper& pepper : impl_->peppers) ids.push_back(pepper.id);
  return ids;
}

absl::StatusOr<KeyDigest> PepperSet::Digest(std::string_view pepper_id, const KeyId& id,
                                            const KeyHash& hash) const {
  const absl::StatusOr<const Pepper*> pepper = impl_->FindOrError(pepper_id);
  if (!pepper.ok()) return pepper.status();
  return KeyDigest{(*pepper)->hmac.Mac(kDigestLabel, id.text(), AsBytes(hash.bytes))};
}

absl::StatusOr<KeyDigest> PepperSet::ImportedDigest(std::string_view pepper_id,
                                                    ImportAlgorithm algorithm,
                                                    std::string_view hash) const {
  const absl::StatusOr<const Pepper*> pepper = impl_->FindOrError(pepper_id);
  if (!pepper.ok()) return pepper.status();
  const char number = static_cast<char>(algorithm);
  return KeyDigest{(*pepper)->hmac.Mac(kImportedLabel, {&number, 1}, hash)};
}

void PepperSet::BurnDigest(const KeyId& id, const KeyHash& hash) const {
  // The calls into OpenSSL are opaque to the compiler: it cannot leave the work out.
  impl_->peppers.front().hmac.Mac(kDigestLabel, id.text(), AsBytes(hash.bytes));
}

absl::StatusOr<KeyDigest> PepperSet::Canary(std::string_view pepper_id) const {
  // The id that no key has.
  return Digest(pepper_id, KeyId(), HashKey(kCanaryInput));
}

absl::StatusOr<Secret> PepperSet::DeriveKey(std::string_view pepper_id,
                                            std::string_view purpose) const {
  const absl::StatusOr<const Pepper*> pepper = impl_->FindOrError(pepper_id);
  if (!pepper.ok()) return pepper.status();
  using Kdf = std::unique_ptr<EVP_KDF, evp::Free<EVP_KDF_free>>;
  using KdfContext = std::unique_ptr<EVP_KDF_CTX, evp::Free<EVP_KDF_CTX_free>>;
  const Kdf kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
  evp::Require(kdf != nullptr, "EVP_KDF_fetch(HKDF)");
  const KdfContext context(EVP_KDF_CTX_new(kdf.get()));
  evp::Require(context != nullptr, "EVP_KDF_CTX_new");

  // OSSL_PARAM wants mutable pointers and only reads through them.
  const auto octets = [](const char* name, std::string_view value) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<char*>(value.data()), value.size());
  };
  std::array<char, 7> digest_name{"SHA256"};
  const std::array parameters = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest_name.data(), 0),
      octets(OSSL_KDF_PARAM_KEY, (*pepper)->secret.ExposeSecret()),
      octets(OSSL_KDF_PARAM_INFO, purpose),
      OSSL_PARAM_construct_end(),
  };
  std::string derived(kDerivedKeyBytes, '\0');
  evp::Require(EVP_KDF_derive(context.get(), reinterpret_cast<unsigned char*>(derived.data()),
                              derived.size(), parameters.data()) == 1,
               "EVP_KDF_derive(HKDF)");
  return Secret(std::move(derived));
}

}  // namespace claviger
