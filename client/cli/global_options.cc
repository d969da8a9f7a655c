#include "client/cli/global_options.h"

namespace claviger::cli {

void AddGlobalOptions(CLI::App& root, GlobalOptions& options) {
  constexpr char kConnection[] = "Connection";
  constexpr char kOutput[] = "Output";
  root.add_option("--server", options.server, "HOST:PORT or unix:PATH (default 127.0.0.1:7420)")
      ->envname("CLAVIGER_SERVER")
      ->type_name("ADDRESS")
      ->group(kConnection);
  root.add_option("--key-file", options.key_file,
                  "File with the management key to act with; - is standard input.\n"
                  "Else CLAVIGER_KEY_FILE, CLAVIGER_KEY, or ./data/root.key for a local server")
      ->type_name("FILE")
      ->group(kConnection);
  root.add_option("--ca", options.transport.ca_file,
                  "PEM file with the authorities to trust (default: this machine's)")
      ->type_name("FILE")
      ->group(kConnection);
  root.add_option("--cert", options.transport.cert_file, "PEM file with the client certificate")
      ->type_name("FILE")
      ->group(kConnection);
  root.add_option("--cert-key", options.transport.cert_key_file, "PEM file with its private key")
      ->type_name("FILE")
      ->group(kConnection);
  root.add_flag("--plaintext", options.transport.plaintext,
                "No TLS; the default for loopback and unix:, refused for other hosts")
      ->group(kConnection);
  root.add_option("--timeout", options.timeout, "For each call with its retries (default 30s)")
      ->type_name("DURATION")
      ->group(kConnection);
  root.add_option("-o,--output", options.output, "How results are shown")
      ->check(CLI::IsMember({"table", "json"}))
      ->type_name("FORMAT")
      ->group(kOutput);
  root.add_flag("--no-color", options.no_color, "No colours, as with NO_COLOR set")->group(kOutput);
}

}  // namespace claviger::cli
