// Rotations through the manager: the grace that begins with the first use, and what a change writes
// beside the keys.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/logging/log.h"
#include "server/manage/key_manager.h"
#include "tests/unit/server/manage/managed_store.h"

namespace claviger {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using Key = std::shared_ptr<const KeyRecord>;

constexpr absl::Duration kDay = absl::Hours(24);

class KeyGraceTest : public ::testing::Test {
 protected:
  KeyGraceTest() : manager_(*managed_.store, managed_.peppers, managed_.random, managed_.clock) {
    managed_.Put(TestKey(1));
  }

  static Caller Root() {
    KeyRecord key = TestKey(9999, kManagementProject);
    key.scopes = ScopeSet::FromTrusted({"settings.manage"});
    return Caller::FromKey(std::make_shared<const KeyRecord>(std::move(key)), "192.0.2.1");
  }

  RotatedKey Rotate(const KeyId& id, absl::Duration grace, GraceStart start) {
    absl::StatusOr<RotatedKey> result;
    absl::Notification done;
    RotateParams params;
    params.key_id = id;
    params.grace_period = grace;
    params.grace_start = start;
    manager_.Rotate(Root(), params, managed_.clock.SinceBoot() + absl::Seconds(30),
                    [&](absl::StatusOr<RotatedKey> rotated) {
                      result = std::move(rotated);
                      done.Notify();
                    });
    done.WaitForNotification();
    EXPECT_TRUE(result.ok()) << result.status();
    return *std::move(result);
  }

  // The successor of key 1, whose grace waits for the first use.
  KeyId RotateAndWait(absl::Duration grace) {
    return Rotate(TestKeyId(1), grace, GraceStart::kFirstUse).info->id;
  }

  // The key whose grace began; null: none.
  Key BeginGrace(const KeyId& successor, absl::Time first_use) {
    absl::StatusOr<Key> result;
    absl::Notification done;
    manager_.BeginGrace(successor, first_use, [&](absl::StatusOr<Key> key) {
      result = std::move(key);
      done.Notify();
    });
    done.WaitForNotification();
    EXPECT_TRUE(result.ok()) << result.status();
    return *std::move(result);
  }

  Key Find(int n) { return managed_.store->FindKey(TestKeyId(n)).value(); }
  absl::Time Now() const { return managed_.clock.Now(); }
  Revision revision() const { return managed_.store->applied_revision(); }

  ManagedStore managed_;
  KeyManager manager_;
};

TEST_F(KeyGraceTest, TheFirstUseSetsTheEnd) {
  const KeyId successor = RotateAndWait(7 * kDay);
  EXPECT_EQ(Find(1)->pending_grace, 7 * kDay);
  EXPECT_EQ(Find(1)->expire_time, std::nullopt);
  managed_.clock.Advance(3 * kDay);
  const absl::Time used = Now();
  managed_.clock.Advance(absl::Hours(1));
  const Key old_key = BeginGrace(successor, used);
  ASSERT_NE(old_key, nullptr);
  EXPECT_EQ(old_key->expire_time, used + 7 * kDay);
  EXPECT_EQ(old_key->pending_grace, std::nullopt);
  EXPECT_EQ(old_key->update_time, Now());
  EXPECT_EQ(old_key->revocation, std::nullopt);
  EXPECT_EQ(old_key->revision, revision());
  EXPECT_EQ(*Find(1)->expire_time, used + 7 * kDay);
}

TEST_F(KeyGraceTest, WithoutAGraceTheFirstUseRevokes) {
  const KeyId successor = RotateAndWait(absl::ZeroDuration());
  EXPECT_EQ(Find(1)->revocation, std::nullopt);
  const Key old_key = BeginGrace(successor, Now());
  ASSERT_NE(old_key, nullptr);
  EXPECT_EQ(old_key->revocation,
            (Revocation{.time = Now(), .reason = RevokeReason::kSuperseded, .note = ""}));
  EXPECT_EQ(old_key->pending_grace, std::nullopt);
}

TEST_F(KeyGraceTest, ASoonerEndStays) {
  KeyRecord key = TestKey(1);
  key.expire_time = Now() + kDay;
  managed_.Put(key);
  const Key old_key = BeginGrace(RotateAndWait(7 * kDay), Now());
  ASSERT_NE(old_key, nullptr);
  EXPECT_EQ(old_key->expire_time, Now() + kDay);
  EXPECT_EQ(old_key->pending_grace, std::nullopt);
}

TEST_F(KeyGraceTest, ItBeginsOnce) {
  const KeyId successor = RotateAndWait(7 * kDay);
  const absl::Time first = Now();
  ASSERT_NE(BeginGrace(successor, first), nullptr);
  managed_.clock.Advance(kDay);
  const Revision before = revision();
  EXPECT_EQ(BeginGrace(successor, Now()), nullptr);
  EXPECT_EQ(revision(), before);
  EXPECT_EQ(Find(1)->expire_time, first + 7 * kDay);
}

TEST_F(KeyGraceTest, WhereNothingWaitsNothingHappens) {
  managed_.Put(TestKey(2));
  const KeyId running = Rotate(TestKeyId(2), kDay, GraceStart::kNow).info->id;
  const KeyId waiting = RotateAndWait(kDay);
  const Revision before = revision();
  EXPECT_EQ(BeginGrace(running, Now()), nullptr) << "its grace runs";
  EXPECT_EQ(BeginGrace(TestKeyId(1), Now()), nullptr) << "the old key itself";
  EXPECT_EQ(BeginGrace(TestKeyId(77), Now()), nullptr) << "no such key";
  EXPECT_EQ(revision(), before);
  EXPECT_NE(BeginGrace(waiting, Now()), nullptr);
}

TEST_F(KeyGraceTest, OnlyTheSuccessorItselfCounts) {
  RotateAndWait(kDay);
  // A key that claims the same origin, as a restored record might.
  KeyRecord other = TestKey(5);
  other.rotated_from = TestKeyId(1);
  managed_.Put(other);
  EXPECT_EQ(BeginGrace(TestKeyId(5), Now()), nullptr);
  EXPECT_TRUE(Find(1)->pending_grace.has_value());
}

TEST_F(KeyGraceTest, AFirstUseOutOfTheWorldIsPutInOrder) {
  managed_.Put(TestKey(2));
  const absl::Time rotated = Now();
  const KeyId one = RotateAndWait(kDay);
  const KeyId two = Rotate(TestKeyId(2), kDay, GraceStart::kFirstUse).info->id;
  managed_.clock.Advance(absl::Hours(1));
  EXPECT_EQ(BeginGrace(one, Now() + absl::Hours(1000))->expire_time, Now() + kDay);
  EXPECT_EQ(BeginGrace(two, absl::UnixEpoch())->expire_time, rotated + kDay);
}

TEST_F(KeyGraceTest, ARevokedKeyStopsToWait) {
  const KeyId successor = RotateAndWait(kDay);
  KeyRecord revoked = *Find(1);
  revoked.revocation = Revocation{.time = Now(), .reason = RevokeReason::kOther, .note = "first"};
  managed_.Put(revoked);
  const Key old_key = BeginGrace(successor, Now());
  ASSERT_NE(old_key, nullptr);
  EXPECT_EQ(old_key->pending_grace, std::nullopt);
  EXPECT_EQ(old_key->revocation->note, "first");
  EXPECT_EQ(BeginGrace(successor, Now()), nullptr);
}

TEST_F(KeyGraceTest, TheSystemIsNamedAsWhoDidIt) {
  static std::vector<std::string>& lines = *new std::vector<std::string>();
  log::InitWithSink({}, [](std::string_view line) { lines.emplace_back(line); });
  const KeyId successor = RotateAndWait(7 * kDay);
  ASSERT_NE(BeginGrace(successor, Now()), nullptr);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0],
              AllOf(HasSubstr("RotateKey"), HasSubstr("key:" + TestKeyId(9999).ToString()),
                    HasSubstr("192.0.2.1"), HasSubstr(TestKeyId(1).ToString()),
                    HasSubstr("replaced by " + successor.ToString())));
  EXPECT_THAT(
      lines[1],
      AllOf(HasSubstr("BeginGrace"), HasSubstr("actor=system"), HasSubstr(TestKeyId(1).ToString()),
            HasSubstr(successor.ToString() + " is in use"), HasSubstr("2030-01-08T00:00:00")));
}

}  // namespace
}  // namespace claviger
