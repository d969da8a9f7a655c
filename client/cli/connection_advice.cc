#include "client/cli/connection_advice.h"

#include <algorithm>
#include <cctype>

namespace claviger::cli {
namespace {

// TLS libraries differ in how they write the same words.
std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) {
    return c == '_' ? ' ' : static_cast<char>(std::tolower(c));
  });
  return lower;
}

}  // namespace

std::string ConnectionAdvice(std::string_view message, Transport transport,
                             const TransportOptions& options) {
  const std::string said = Lower(message);
  const auto has = [&said](std::string_view words) {
    return said.find(words) != std::string::npos;
  };
  // The server accepted the connection and hung up.
  const bool closed = has("socket closed") || has("connection reset") || has("broken pipe");
  if (transport == Transport::kPlaintext) {
    // The library says so where no connection came about. Elsewhere the server had answered in
    // plaintext before, and was stopped.
    const bool never_worked = has("failed to connect") || has("last error");
    return closed && never_worked ? "the server probably speaks TLS on this port: give --ca FILE"
                                  : "";
  }
  if (has("certificate verify failed")) {
    return options.ca_file.empty()
               ? "this machine does not trust the server's certificate: give the authority that "
                 "signed it with --ca FILE"
               : "the server's certificate is not from the authority in " + options.ca_file +
                     ", or not valid today";
  }
  if (has("is not in peer certificate") || has("hostname verification")) {
    return "the server's certificate is for another name: give --server the name that is in it";
  }
  if (has("wrong version number")) {
    return "the server probably speaks plaintext on this port: leave the TLS options out, or use "
           "its TLS port";
  }
  if (closed || has("certificate required") || has("bad certificate") || has("unknown ca")) {
    return options.cert_file.empty()
               ? "the server probably wants a client certificate: give --cert and --cert-key"
               : "the server probably does not accept the certificate in " + options.cert_file +
                     ": it must be from an authority of its --tls-client-ca, and valid today";
  }
  return "";
}

}  // namespace claviger::cli
