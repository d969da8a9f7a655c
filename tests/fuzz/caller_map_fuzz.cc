// The file that says which certificates are which callers.
#include <string>

#include "core/status.h"
#include "server/manage/caller.h"
#include "server/manage/caller_map.h"
#include "server/manage/permissions.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(caller_map) {
  using namespace claviger;  // NOLINT(google-build-using-namespace)
  const auto map = ParseCallerMap(std::string(input));
  if (!map.ok()) {
    FUZZ_CHECK(DetailsOf(map.status()).reason == Reason::kConfigInvalid);
    FUZZ_CHECK(!map.status().message().empty());
    return;
  }
  CallerMapHolder holder;
  holder.Replace(*map);
  for (const auto& [san, identity] : *map) {
    FUZZ_CHECK(identity->san == san);
    FUZZ_CHECK(holder.Find(san) == identity);
    const Caller caller = Caller::FromCertificate(identity, "");
    for (const std::string& project : identity->project_ids) {
      FUZZ_CHECK(IsValidProjectId(project) && caller.IsBoundTo(project));
    }
    // Whoever is bound to projects is bound to no other, and whoever has nothing may nothing.
    FUZZ_CHECK(identity->project_ids.empty() == caller.IsBoundTo("other-than-all"));
    if (identity->permissions.empty()) {
      for (const std::string_view permission : permission::kAll) {
        FUZZ_CHECK(!caller.Has(permission));
      }
    }
  }
}
