// Page tokens: what a caller sends back as the place to go on from.
#include <string>

#include "core/digest.h"
#include "core/status.h"
#include "server/manage/page_token.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(page_token) {
  using namespace claviger;  // NOLINT(google-build-using-namespace)
  // Of an empty list of arguments, so that a corpus can hold tokens that are right.
  const Sha256Bytes arguments = Sha256("");
  const std::string token(input);
  const auto position = DecodePageToken(arguments, token);
  if (position.ok()) {
    // Another token for the same place would be one that was changed and not found out.
    FUZZ_CHECK(DecodePageToken(arguments, EncodePageToken(arguments, *position)) == position);
    FUZZ_CHECK(!DecodePageToken(Sha256("others"), token).ok());
  } else {
    FUZZ_CHECK(DetailsOf(position.status()).reason == Reason::kPageTokenInvalid);
    // Nothing of what was sent comes back.
    FUZZ_CHECK(position.status() == DecodePageToken(arguments, "no token").status());
  }
  if (input.size() > 512) return;
  const auto back = DecodePageToken(arguments, EncodePageToken(arguments, input));
  FUZZ_CHECK(back.ok() && *back == input);
}
