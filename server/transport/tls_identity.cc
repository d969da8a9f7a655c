#include "server/transport/tls_identity.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <memory>
#include <utility>
#include <vector>

#include "core/file_descriptor.h"
#include "core/status.h"
#include "fmt/format.h"

namespace claviger {
namespace {

constexpr size_t kMaxFileBytes = 1 << 20;
constexpr std::string_view kClientAuthNames[] = {"require", "optional", "none"};

struct Free {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

absl::Status Unfit(const std::filesystem::path& file, std::string_view problem) {
  return ErrorBuilder(absl::StatusCode::kInvalidArgument, Reason::kConfigInvalid)
      .Build(fmt::format("TLS file {}: {}", file.string(), problem));
}

// Reads into `contents`, so that its owner can cleanse it whatever happens. Files in
// `forbidden_mode` are refused.
absl::Status ReadFile(const std::filesystem::path& file, mode_t forbidden_mode,
                      std::string& contents) {
  const FileDescriptor fd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) return Unfit(file, std::strerror(errno));
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return Unfit(file, std::strerror(errno));
  if (!S_ISREG(info.st_mode)) return Unfit(file, "is not a regular file");
  if ((info.st_mode & forbidden_mode) != 0) {
    return Unfit(file, fmt::format("has mode {:04o}; others must not have access to a private key: "
                                   "chmod 0600 or 0640",
                                   info.st_mode & 07777));
  }
  if (static_cast<size_t>(info.st_size) > kMaxFileBytes) return Unfit(file, "is over 1 MiB");
  contents.resize(static_cast<size_t>(info.st_size));
  size_t done = 0;
  while (done < contents.size()) {
    const ssize_t got = read(fd.get(), contents.data() + done, contents.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Unfit(file, std::strerror(errno));
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  contents.resize(done);
  return absl::OkStatus();
}

Owned<BIO> ReadOnly(std::string_view bytes) {
  return Owned<BIO>(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

// All certificates of a PEM text; an empty vector when it holds none or something malformed.
std::vector<Owned<X509>> ParseCertificates(std::string_view pem) {
  std::vector<Owned<X509>> certificates;
  const Owned<BIO> bio = ReadOnly(pem);
  ERR_clear_error();
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(certificate);
  }
  // Reading ends with this error when nothing is left; with any other, what is left is malformed.
  const auto error = ERR_peek_last_error();
  ERR_clear_error();
  const bool at_end =
      ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  if (!at_end) certificates.clear();
  return certificates;
}

// An encrypted key fails instead of asking the terminal for its passphrase.
int NoPassphrase(char*, int, int, void*) { return -1; }

Owned<EVP_PKEY> ParsePrivateKey(const Secret& pem) {
  const Owned<BIO> bio = ReadOnly(pem.ExposeSecret());
  Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
  ERR_clear_error();
  return key;
}

absl::Time ToTime(const ASN1_TIME* time) {
  std::tm fields{};
  if (ASN1_TIME_to_tm(time, &fields) != 1) return absl::InfinitePast();
  return absl::FromTM(fields, absl::UTCTimeZone());
}

std::string FormatUtc(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

absl::Status CheckDates(const std::filesystem::path& file, const X509* certificate,
                        absl::Time now) {
  const absl::Time begin = ToTime(X509_get0_notBefore(certificate));
  const absl::Time end = ToTime(X509_get0_notAfter(certificate));
  if (now < begin) {
    return Unfit(file,
                 fmt::format("holds a certificate that is not valid before {}", FormatUtc(begin)));
  }
  if (now >= end) {
    return Unfit(file, fmt::format("holds a certificate that ran out at {}", FormatUtc(end)));
  }
  return absl::OkStatus();
}

bool IsSignedBy(X509* certificate, X509* issuer) {
  const bool is_signed = X509_check_issued(issuer, certificate) == X509_V_OK &&
                         X509_verify(certificate, X509_get0_pubkey(issuer)) == 1;
  ERR_clear_error();
  return is_signed;
}

std::string Fingerprint(const TlsIdentity& identity) {
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  for (const std::string_view part :
       {std::string_view(identity.certificate_chain), identity.private_key.ExposeSecret(),
        std::string_view(identity.client_ca)}) {
    const uint64_t size = part.size();
    EVP_DigestUpdate(context.get(), &size, sizeof(size));
    EVP_DigestUpdate(context.get(), part.data(), part.size());
  }
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(digest.data()), &size);
  digest.resize(size);
  return digest;
}

}  // namespace

std::string_view ClientAuthName(ClientAuth mode) {
  return kClientAuthNames[static_cast<size_t>(mode)];
}

std::optional<ClientAuth> ParseClientAuth(std::string_view text) {
  for (const ClientAuth mode : {ClientAuth::kRequire, ClientAuth::kOptional, ClientAuth::kNone}) {
    if (ClientAuthName(mode) == text) return mode;
  }
  return std::nullopt;
}

absl::StatusOr<TlsIdentity> ReadTlsFiles(const TlsFiles& files, ClientAuth client_auth) {
  TlsIdentity identity;
  absl::Status read = ReadFile(files.certificate, 0, identity.certificate_chain);
  if (!read.ok()) return read;
  std::string key;
  read = ReadFile(files.key, S_IRWXO, key);
  identity.private_key = Secret(std::move(key));
  if (!read.ok()) return read;
  if (client_auth != ClientAuth::kNone) {
    read = ReadFile(files.client_ca, 0, identity.client_ca);
    if (!read.ok()) return read;
  }
  identity.fingerprint = Fingerprint(identity);
  return identity;
}

absl::Status CheckTlsIdentity(const TlsFiles& files, ClientAuth client_auth, absl::Time now,
                              TlsIdentity& identity) {
  const auto chain = ParseCertificates(identity.certificate_chain);
  if (chain.empty()) return Unfit(files.certificate, "is no PEM certificate chain");
  for (size_t i = 0; i < chain.size(); ++i) {
    const absl::Status dates = CheckDates(files.certificate, chain[i].get(), now);
    if (!dates.ok()) return dates;
    if (i + 1 < chain.size() && !IsSignedBy(chain[i].get(), chain[i + 1].get())) {
      return Unfit(
          files.certificate,
          fmt::format("certificate {} of the chain is not signed by the one behind it", i + 1));
    }
  }
  const Owned<EVP_PKEY> key = ParsePrivateKey(identity.private_key);
  if (key == nullptr) return Unfit(files.key, "is no unencrypted PEM private key");
  const bool matches = X509_check_private_key(chain.front().get(), key.get()) == 1;
  ERR_clear_error();
  if (!matches) {
    return Unfit(files.key, fmt::format("does not belong to the certificate in {}",
                                        files.certificate.string()));
  }
  if (client_auth != ClientAuth::kNone && ParseCertificates(identity.client_ca).empty()) {
    return Unfit(files.client_ca, "is no PEM bundle of certificates");
  }
  identity.not_after = ToTime(X509_get0_notAfter(chain.front().get()));
  return absl::OkStatus();
}

}  // namespace claviger
