// The pepper file.
#include <set>
#include <string>

#include "core/digest.h"
#include "core/status.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(pepper_file) {
  using namespace claviger;  // NOLINT(google-build-using-namespace)
  const auto peppers = PepperSet::Parse(Secret::CopyOf(input));
  if (!peppers.ok()) {
    FUZZ_CHECK(DetailsOf(peppers.status()).reason == Reason::kConfigInvalid);
    // Nothing of the file is in the error, for it goes into logs: of 8 bytes none by accident.
    const std::string message(peppers.status().message());
    for (size_t at = 0; at + 8 <= input.size(); ++at) {
      const std::string_view part = input.substr(at, 8);
      if (part.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=") ==
          std::string_view::npos) {
        FUZZ_CHECK(message.find(part) == std::string::npos);
      }
    }
    return;
  }
  const auto ids = peppers->ids();
  FUZZ_CHECK(!ids.empty() && ids.front() == peppers->writing_id());
  FUZZ_CHECK(std::set<std::string>(ids.begin(), ids.end()).size() == ids.size());
  for (const std::string& id : ids) {
    FUZZ_CHECK(peppers->Contains(id));
    const auto canary = peppers->Canary(id);
    FUZZ_CHECK(canary.ok());
    // A space at the ends of a line and a comment change nothing.
    const auto again = PepperSet::Parse(Secret::CopyOf(std::string(input) + "\n# end\n"));
    FUZZ_CHECK(again.ok() && Equal(*again->Canary(id), *canary));
  }
  FUZZ_CHECK(!peppers->Contains("NONE"));
  FUZZ_CHECK(!peppers->Canary("NONE").ok());
}
