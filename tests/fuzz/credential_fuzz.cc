// What a connection and a call's metadata say of who calls: the `authorization` header in the first
// line of an input, gRPC's name for the peer in the second, certificate names in the others.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "core/cidr.h"
#include "core/status.h"
#include "gtest/gtest.h"
#include "server/logging/redact.h"
#include "server/manage/authenticator.h"
#include "server/transport/peer.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/server/manage/managed_store.h"

namespace claviger {
namespace {

// One key and one certificate, the same in every run, so that a corpus can name them.
struct Known {
  Known() {
    KeyRecord key = TestKey(1, kManagementProject);
    key.scopes = ScopeSet::FromTrusted({"keys.read"});
    raw = managed.PutWithSecret(key);
    certificates.Replace(
        *ParseCallerMap(R"({"callers": [{"san": "dns:billing", "permissions": ["keys.read"]}]})"));
  }

  ManagedStore managed;
  std::string raw;
  CallerMapHolder certificates;
  Authenticator authenticator{managed.verifier, certificates, managed.clock};
};

Known& TheKnown() {
  static Known& known = *new Known();
  return known;
}

void CheckCaller(std::string_view header, const std::string& peer,
                 const std::vector<std::string>& sans) {
  const Known& known = TheKnown();
  ShownCredentials shown;
  if (!header.empty()) shown.authorization = header;
  shown.certificate_sans = [&sans] { return sans; };
  shown.peer = [&peer] { return PeerAddress(peer); };
  const absl::StatusOr<Caller> caller = known.authenticator.Authenticate(shown);
  const bool has_key = header.size() > 7 && absl::EqualsIgnoreCase({header.data(), 7}, "bearer ") &&
                       header.substr(7) == known.raw;
  const bool has_certificate =
      header.empty() && std::find(sans.begin(), sans.end(), "dns:billing") != sans.end();
  FUZZ_CHECK(caller.ok() == (has_key || has_certificate));
  if (caller.ok()) {
    FUZZ_CHECK(caller->Has("keys.read") && !caller->Has("keys.revoke"));
    return;
  }
  // One answer for all that can be wrong with a header.
  FUZZ_CHECK(caller.status().code() == absl::StatusCode::kUnauthenticated);
  const ErrorDetails details = DetailsOf(caller.status());
  FUZZ_CHECK(details.reason ==
             (header.empty() ? Reason::kCredentialMissing : Reason::kCredentialInvalid));
  static const std::string& invalid =
      *new std::string("authorization: must be 'Bearer ' and a valid management key");
  FUZZ_CHECK(header.empty() || caller.status().message() == invalid);
}

}  // namespace
}  // namespace claviger

FUZZ_TARGET(credential) {
  using namespace claviger;  // NOLINT(google-build-using-namespace)
  fuzz::Parts parts(input);
  std::string header(parts.Line());
  // `KEY` stands for the one that is known.
  if (const size_t at = header.find("KEY"); at != std::string::npos) {
    header.replace(at, 3, TheKnown().raw);
  }
  const std::string peer(parts.Line());
  const std::string address = PeerAddress(peer);
  FUZZ_CHECK(address.empty() || address == "unix" ||
             IpAddress::Parse(address)->ToString() == address);
  std::vector<std::string> sans;
  while (!parts.empty() && sans.size() < 16) sans.emplace_back(parts.Line());
  CheckCaller(header, peer, sans);
  // Whatever of it a log line would hold, a key is not readable in it.
  for (const std::string& shown : {log::RedactKeys(header), log::RedactForeignLine(header)}) {
    FUZZ_CHECK(shown.find(TheKnown().raw) == std::string::npos);
  }
}
