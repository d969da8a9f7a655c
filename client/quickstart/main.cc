// Checks API keys that come on standard input, one a line, and says what became of each.
//
//   quickstart ENDPOINT MANAGEMENT_KEY_FILE [SCOPE] < keys
//
// For a server on this machine without TLS, as `clavigerd --dev` is. Keys come on standard input
// since arguments can be read by everybody on the machine.

#include <claviger/client.h>

#include <cstdlib>
#include <iostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace {

void Print(const claviger::Decision& decision) {
  std::cout << claviger::DecisionCodeName(decision.code());
  if (decision.valid()) {
    const claviger::Grant& grant = decision.grant();
    std::cout << " key=" << grant.key_id() << " project=" << grant.project_id();
    if (!grant.owner().empty()) std::cout << " owner=" << grant.owner();
    std::cout << (decision.from_cache() ? " (from the cache)" : " (from the authority)");
  } else if (!decision.detail().empty()) {
    std::cout << " (" << decision.detail() << ")";
  }
  std::cout << std::endl;
}

int Run(std::string endpoint, std::string key_file, std::span<const std::string_view> scopes) {
  claviger::ClientOptions options;
  options.endpoints = {std::move(endpoint)};
  options.key_file = std::move(key_file);
  options.plaintext = true;
  options.client_name = "quickstart";
  auto client = claviger::Client::Create(std::move(options));
  if (!client.ok()) {
    std::cerr << client.status() << std::endl;
    return EXIT_FAILURE;
  }
  // Not needed: a check before that asks the authority.
  if (!(*client)->WaitForLease(absl::Seconds(5))) {
    std::cerr << "no lease yet: " << (*client)->state().last_error << std::endl;
  }
  for (std::string key; std::getline(std::cin, key);) {
    Print((*client)->Check(key, {.required_scopes = scopes}));
  }
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    std::cerr << "usage: quickstart ENDPOINT MANAGEMENT_KEY_FILE [SCOPE] < keys" << std::endl;
    return EXIT_FAILURE;
  }
  std::string_view scope;
  if (argc == 4) scope = argv[3];
  return Run(argv[1], argv[2], std::span(&scope, argc == 4 ? 1 : 0));
}
