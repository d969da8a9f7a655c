#include "client/src/credential_files.h"

#include <cerrno>
#include <cstddef>
#include <fstream>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "core/secret.h"
#include "fmt/format.h"

namespace claviger::client {
namespace {

constexpr size_t kMaxFileBytes = 1 << 20;

absl::StatusOr<std::string> ReadPem(const OptionFile& file) {
  if (file.path.empty()) return std::string();
  absl::StatusOr<std::string> text = ReadOptionFile(file);
  if (text.ok() && text->find("-----BEGIN ") == std::string::npos) {
    CleanseString(*text);
    return absl::InvalidArgumentError(
        fmt::format("{}: {} is not a PEM file", file.option, file.path));
  }
  return text;
}

}  // namespace

absl::StatusOr<std::string> ReadOptionFile(const OptionFile& file) {
  std::ifstream stream(file.path, std::ios::binary);
  if (!stream) {
    return absl::ErrnoToStatus(errno, fmt::format("{}: cannot open {}", file.option, file.path));
  }
  std::string text(kMaxFileBytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  const auto size = static_cast<size_t>(stream.gcount());
  if (stream.bad() || size == 0 || size > kMaxFileBytes) {
    CleanseString(text);
    return absl::InvalidArgumentError(
        fmt::format("{}: {} must have 1 to {} bytes", file.option, file.path, kMaxFileBytes));
  }
  // The rest of the buffer is zeros, and goes with the secret.
  text.resize(size);
  return text;
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> ReadTlsCredentials(
    const TlsFiles& files) {
  absl::StatusOr<std::string> ca = ReadPem(files.ca);
  if (!ca.ok()) return ca.status();
  absl::StatusOr<std::string> certificate = ReadPem(files.certificate);
  if (!certificate.ok()) return certificate.status();
  absl::StatusOr<std::string> key = ReadPem(files.certificate_key);
  if (!key.ok()) return key.status();
  grpc::SslCredentialsOptions ssl;
  ssl.pem_root_certs = *std::move(ca);
  ssl.pem_cert_chain = *std::move(certificate);
  ssl.pem_private_key = *std::move(key);
  const absl::Cleanup cleanse = [&ssl] { CleanseString(ssl.pem_private_key); };
  return grpc::SslCredentials(ssl);
}

}  // namespace claviger::client
