// Credentials that stand in files: PEM, and whatever else an option names.
#ifndef CLAVIGER_CLIENT_SRC_CREDENTIAL_FILES_H_
#define CLAVIGER_CLIENT_SRC_CREDENTIAL_FILES_H_

#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace claviger::client {

// A file and the option that names it, for messages.
struct OptionFile {
  std::string_view option;
  const std::string& path;
};

// All of a file of 1 byte to 1 MiB. The caller cleanses what is secret. INVALID_ARGUMENT for
// another size, or what opening the file gave; both name the option.
absl::StatusOr<std::string> ReadOptionFile(const OptionFile& file);

// An empty path: without that file, for `ca` the roots that this machine trusts.
struct TlsFiles {
  OptionFile ca;
  OptionFile certificate;
  OptionFile certificate_key;
};

// TLS credentials from those files. INVALID_ARGUMENT names the option whose file is not PEM; else
// as ReadOptionFile.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> ReadTlsCredentials(const TlsFiles& files);

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_CREDENTIAL_FILES_H_
