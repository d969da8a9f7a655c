// Entries of an audit log, with details of any form, made again by a restore: they give nothing.
#include <string>

#include "server/manage/take_away_again.h"
#include "storage/memory/memory_store.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/support/store_testing.h"

namespace claviger {
namespace {

KeyRecord Key(int n) {
  KeyRecord key = TestKey(n);
  key.scopes = ScopeSet::FromTrusted({"a:*", "b:c"});
  if (n == 1) key.allowed_cidrs = {*Cidr::Parse("10.0.0.0/8"), *Cidr::Parse("2001:db8::/32")};
  if (n == 2) key.expire_time = absl::FromUnixSeconds(1900000000);
  key.disabled = n == 3;
  return key;
}

// Lines in threes: action, key, detail.
void CheckEntries(std::string_view input) {
  LaterChanges later;
  fuzz::Parts parts(input);
  uint64_t revision = 10;
  while (!parts.empty()) {
    AuditEntry entry;
    entry.revision = {++revision};
    entry.time = absl::FromUnixSeconds(1893456000);
    entry.draft.action = std::string(parts.Line());
    entry.draft.key_id = TestKeyId(static_cast<int>(parts.Line().size() % 4)).ToString();
    entry.draft.project_id = "default";
    entry.draft.detail = std::string(parts.Line());
    if (!later.Add(entry).ok()) return;
  }
  const FakeClock clock;
  FakeRandom random;
  const auto store = *MemoryStore::Create({.clock = &clock, .random = &random, .commit = {}});
  FUZZ_CHECK(CommitAndWait(*store, Putting(TestProject("default"))).ok());
  for (int n = 0; n < 4; ++n) FUZZ_CHECK(CommitAndWait(*store, Putting(Key(n))).ok());
  FUZZ_CHECK(TakeAwayAgain(*store, later, clock).ok());
  FUZZ_CHECK(FindLostKeys(*store, later).ok());
  for (int n = 0; n < 4; ++n) {
    const KeyRecord before = Key(n);
    const KeyRecord after = **store->FindKey(TestKeyId(n));
    FUZZ_CHECK(before.scopes.CoversAll(after.scopes));
    FUZZ_CHECK(AllWithin(after.allowed_cidrs, before.allowed_cidrs));
    FUZZ_CHECK(!after.expire_time.has_value() || *after.expire_time > absl::InfinitePast());
    FUZZ_CHECK(after.expire_time.value_or(absl::InfiniteFuture()) <=
               before.expire_time.value_or(absl::InfiniteFuture()));
    FUZZ_CHECK(after.disabled || !before.disabled);
    FUZZ_CHECK(Equal(after.digest, before.digest));
  }
  const auto again = TakeAwayAgain(*store, later, clock);
  FUZZ_CHECK(again.ok() && again->empty());
  store->Close();
}

}  // namespace
}  // namespace claviger

FUZZ_TARGET(taken_away) { claviger::CheckEntries(input); }
