#include "server/app/key_gauges.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/metrics/server_metrics.h"
#include "storage/memory/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/support/store_testing.h"

namespace claviger {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::Duration kDay = absl::Hours(24);

class KeyGaugesTest : public ::testing::Test {
 protected:
  KeyGaugesTest()
      : store_(*MemoryStore::Create({.clock = &clock_, .random = &random_, .commit = {}})) {}

  KeyRecord Key(int n, std::string_view project_id, absl::Duration age) {
    return TestKey(n, project_id, clock_.Now() - age);
  }
  void Put(KeyRecord key) { ASSERT_TRUE(CommitAndWait(*store_, Putting(std::move(key))).ok()); }
  void PutExpiring(int n, absl::Duration in) {
    KeyRecord key = Key(n, "a", kDay);
    key.expire_time = clock_.Now() + in;
    Put(key);
  }

  KeyGauges Gauges(KeyGaugeOptions options) {
    return KeyGauges(*store_, clock_, metrics_.keys(), std::move(options));
  }
  KeyGaugeOptions WithLastUses() {
    return {.last_uses = [this](std::span<const KeyId> ids)
                -> absl::StatusOr<absl::flat_hash_map<KeyId, absl::Time>> {
              asked_.push_back(ids.size());
              absl::flat_hash_map<KeyId, absl::Time> found;
              for (const KeyId& id : ids) {
                if (const auto it = last_uses_.find(id); it != last_uses_.end()) found.insert(*it);
              }
              return found;
            },
            .projects = {}};
  }
  // A whole walk, or so many slices.
  static void Walk(KeyGauges& gauges, int slices = 20) {
    for (int i = 0; i < slices; ++i) gauges.WalkSlice();
  }
  std::string Text() const { return metrics_.RenderText(); }

  FakeClock clock_;
  FakeRandom random_;
  std::unique_ptr<MemoryStore> store_;
  ServerMetrics metrics_{"1.2.3"};
  absl::flat_hash_map<KeyId, absl::Time> last_uses_;
  std::vector<size_t> asked_;
};

TEST_F(KeyGaugesTest, CountsActiveKeysThatEndWithinADayAWeekAndAMonth) {
  PutExpiring(1, absl::Hours(1));
  PutExpiring(2, 3 * kDay);
  PutExpiring(3, 20 * kDay);
  PutExpiring(4, 31 * kDay);
  PutExpiring(5, -kDay);
  KeyGauges gauges = Gauges({});
  gauges.RefreshExpiring();
  EXPECT_THAT(Text(), HasSubstr("claviger_keys_expiring{within=\"1d\"} 1\n"));
  EXPECT_THAT(Text(), HasSubstr("claviger_keys_expiring{within=\"7d\"} 2\n"));
  EXPECT_THAT(Text(), HasSubstr("claviger_keys_expiring{within=\"30d\"} 3\n"));
  clock_.Advance(2 * kDay);
  gauges.RefreshExpiring();
  EXPECT_THAT(Text(), HasSubstr("claviger_keys_expiring{within=\"1d\"} 0\n"));
  EXPECT_THAT(Text(), HasSubstr("claviger_keys_expiring{within=\"7d\"} 1\n"));
  EXPECT_THAT(Text(), HasSubstr("claviger_keys_expiring{within=\"30d\"} 3\n"));
}

TEST_F(KeyGaugesTest, CountsActiveKeysThatNoCheckFoundGoodForNinetyDays) {
  for (int n = 1; n <= 6; ++n) Put(Key(n, "a", 100 * kDay));
  Put(Key(7, "a", 10 * kDay));  // too young to be unused
  KeyRecord disabled = Key(8, "a", 100 * kDay);
  disabled.disabled = true;
  Put(disabled);
  last_uses_[TestKeyId(1)] = clock_.Now() - kDay;
  last_uses_[TestKeyId(2)] = clock_.Now() - 95 * kDay;
  KeyGauges gauges = Gauges(WithLastUses());
  Walk(gauges);
  EXPECT_THAT(Text(), HasSubstr("claviger_keys_unused{for=\"90d\"} 5\n"));
}

TEST_F(KeyGaugesTest, AWalkGoesSliceBySliceAndShowsItsSumAtTheEnd) {
  for (int n = 1; n <= 10; ++n) Put(Key(n, n % 2 == 0 ? "a" : "b", (100 + n % 3) * kDay));
  KeyGaugeOptions options = WithLastUses();
  options.slice = 3;
  KeyGauges gauges = Gauges(std::move(options));
  Walk(gauges, 3);
  EXPECT_THAT(Text(), HasSubstr("claviger_keys_unused{for=\"90d\"} 0\n"));
  Walk(gauges, 1);
  EXPECT_THAT(Text(), HasSubstr("claviger_keys_unused{for=\"90d\"} 10\n"));
  EXPECT_EQ(asked_, (std::vector<size_t>{3, 3, 3, 1}));
}

TEST_F(KeyGaugesTest, TheNextWalkIsLater) {
  Put(Key(1, "a", 100 * kDay));
  KeyGauges gauges = Gauges(WithLastUses());
  Walk(gauges);
  last_uses_[TestKeyId(1)] = clock_.Now();
  Walk(gauges);
  EXPECT_EQ(asked_.size(), 1u);
  clock_.Advance(absl::Minutes(1));
  Walk(gauges);
  EXPECT_EQ(asked_.size(), 2u);
  EXPECT_THAT(Text(), HasSubstr("claviger_keys_unused{for=\"90d\"} 0\n"));
}

TEST_F(KeyGaugesTest, AWalkThatFailsChangesNothingAndIsTriedAgainMuchLater) {
  Put(Key(1, "a", 100 * kDay));
  KeyGaugeOptions options;
  int asked = 0;
  options.last_uses =
      [&asked](std::span<const KeyId>) -> absl::StatusOr<absl::flat_hash_map<KeyId, absl::Time>> {
    if (++asked == 1) return absl::UnavailableError("not now");
    return absl::flat_hash_map<KeyId, absl::Time>();
  };
  KeyGauges gauges = Gauges(std::move(options));
  Walk(gauges);
  clock_.Advance(absl::Minutes(59));
  Walk(gauges);
  EXPECT_EQ(asked, 1);
  EXPECT_THAT(Text(), HasSubstr("claviger_keys_unused{for=\"90d\"} 0\n"));
  clock_.Advance(absl::Minutes(1));
  Walk(gauges);
  EXPECT_THAT(Text(), HasSubstr("claviger_keys_unused{for=\"90d\"} 1\n"));
}

TEST_F(KeyGaugesTest, CountsTheKeysOfTheGivenProjectsByState) {
  Put(Key(1, "a", kDay));
  Put(Key(2, "a", 100 * kDay));
  KeyRecord revoked = Key(3, "a", kDay);
  revoked.revocation = Revocation{.time = clock_.Now(), .note = ""};
  Put(revoked);
  Put(Key(4, "b", kDay));
  KeyGauges gauges = Gauges({.last_uses = nullptr, .projects = {"a", "empty"}, .slice = 2});
  EXPECT_THAT(Text(), Not(HasSubstr("claviger_project_keys")));
  Walk(gauges);
  const std::string text = Text();
  EXPECT_THAT(text, HasSubstr("claviger_project_keys{project=\"a\",state=\"active\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("claviger_project_keys{project=\"a\",state=\"revoked\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("claviger_project_keys{project=\"empty\",state=\"active\"} 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("project=\"b\"")));
}

TEST_F(KeyGaugesTest, WithNothingToCountKeysAreNotWalkedThrough) {
  Put(Key(1, "a", 100 * kDay));
  KeyGauges gauges = Gauges({});
  Walk(gauges);
  EXPECT_THAT(Text(), HasSubstr("claviger_keys_unused{for=\"90d\"} 0\n"));
}

}  // namespace
}  // namespace claviger
