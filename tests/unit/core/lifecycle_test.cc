#include "core/lifecycle.h"

#include <string>
#include <vector>

#include "core/status.h"
#include "gtest/gtest.h"

namespace claviger {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1893456000);
const absl::Time kBefore = kNow - absl::Hours(1);
constexpr absl::Duration kInstant = absl::Nanoseconds(1);

// A key with any mixture of what makes its state.
struct Marks {
  bool disabled = false;
  bool expired = false;
  bool revoked = false;
  bool deleted = false;
};

KeyRecord KeyWith(const Marks& marks) {
  KeyRecord key;
  key.id = *KeyId::Parse("00Yx3kTq7LmNp0aB");
  key.create_time = kBefore;
  key.update_time = kBefore;
  key.disabled = marks.disabled;
  if (marks.expired) key.expire_time = kNow - kInstant;
  if (marks.revoked) key.revocation = Revocation{kBefore, RevokeReason::kCompromised, "first"};
  if (marks.deleted) key.delete_time = kBefore;
  return key;
}

std::vector<Marks> AllMixtures() {
  std::vector<Marks> all;
  for (unsigned bits = 0; bits < 16; ++bits) {
    all.push_back({(bits & 1U) != 0, (bits & 2U) != 0, (bits & 4U) != 0, (bits & 8U) != 0});
  }
  return all;
}

TEST(StateOfTest, DeletedRevokedExpiredDisabledInThisOrder) {
  for (const Marks& marks : AllMixtures()) {
    const KeyState expected = marks.deleted    ? KeyState::kDeleted
                              : marks.revoked  ? KeyState::kRevoked
                              : marks.expired  ? KeyState::kExpired
                              : marks.disabled ? KeyState::kDisabled
                                               : KeyState::kActive;
    EXPECT_EQ(StateOf(KeyWith(marks), kNow), expected) << KeyStateName(expected);
  }
}

TEST(StateOfTest, ExpiredFromTheExpireTimeOn) {
  KeyRecord key = KeyWith({});
  key.expire_time = kNow;
  EXPECT_EQ(StateOf(key, kNow - kInstant), KeyState::kActive);
  EXPECT_EQ(StateOf(key, kNow), KeyState::kExpired);
  EXPECT_EQ(StateOf(key, kNow + kInstant), KeyState::kExpired);
}

TEST(StateOfTest, WithoutExpireTimeItNeverExpires) {
  EXPECT_EQ(StateOf(KeyWith({}), absl::InfiniteFuture()), KeyState::kActive);
}

TEST(KeyStateNameTest, NamesEach) {
  EXPECT_EQ(KeyStateName(KeyState::kActive), "ACTIVE");
  EXPECT_EQ(KeyStateName(KeyState::kDisabled), "DISABLED");
  EXPECT_EQ(KeyStateName(KeyState::kExpired), "EXPIRED");
  EXPECT_EQ(KeyStateName(KeyState::kRevoked), "REVOKED");
  EXPECT_EQ(KeyStateName(KeyState::kDeleted), "DELETED");
}

// What Disable (`disable`) or Enable does to a key in each state.
void ExpectSwitch(bool disable) {
  for (const Marks& marks : AllMixtures()) {
    SCOPED_TRACE(KeyStateName(StateOf(KeyWith(marks), kNow)));
    KeyRecord key = KeyWith(marks);
    const absl::Status status = disable ? Disable(key, kNow) : Enable(key, kNow);
    if (marks.revoked || marks.deleted) {
      EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
      EXPECT_EQ(DetailsOf(status).reason, Reason::kKeyRevoked);
      EXPECT_EQ(DetailsOf(status).resource, (ResourceName{"key", key.id.ToString()}));
      EXPECT_EQ(key.disabled, marks.disabled);
      EXPECT_EQ(key.update_time, kBefore);
      continue;
    }
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(key.disabled, disable);
    EXPECT_EQ(key.update_time, marks.disabled == disable ? kBefore : kNow);
    EXPECT_FALSE(key.revocation.has_value());
  }
}

TEST(DisableTest, InEveryState) { ExpectSwitch(true); }

TEST(EnableTest, InEveryState) { ExpectSwitch(false); }

TEST(EnableTest, DoesNotReviveAnExpiredKey) {
  KeyRecord key = KeyWith({.disabled = true, .expired = true});
  EXPECT_TRUE(Enable(key, kNow).ok());
  EXPECT_EQ(StateOf(key, kNow), KeyState::kExpired);
}

TEST(RevokeTest, InEveryState) {
  for (const Marks& marks : AllMixtures()) {
    SCOPED_TRACE(KeyStateName(StateOf(KeyWith(marks), kNow)));
    KeyRecord key = KeyWith(marks);
    Revoke(key, kNow, RevokeReason::kUnused, "second");
    const Revocation expected = marks.revoked
                                    ? Revocation{kBefore, RevokeReason::kCompromised, "first"}
                                    : Revocation{kNow, RevokeReason::kUnused, "second"};
    EXPECT_EQ(key.revocation, expected);
    EXPECT_EQ(key.update_time, marks.revoked ? kBefore : kNow);
    EXPECT_EQ(key.disabled, marks.disabled);
    EXPECT_EQ(StateOf(key, kNow), marks.deleted ? KeyState::kDeleted : KeyState::kRevoked);
  }
}

TEST(RevokeTest, HoldsAtAnyTimeAfterwardsAndBefore) {
  KeyRecord key = KeyWith({});
  Revoke(key, kNow, RevokeReason::kOther, "");
  for (const absl::Time when : {absl::InfinitePast(), kBefore, kNow, absl::InfiniteFuture()}) {
    EXPECT_EQ(StateOf(key, when), KeyState::kRevoked) << when;
  }
}

TEST(DeleteTest, RevokesFirstAndKeepsWhatWasThere) {
  for (const Marks& marks : AllMixtures()) {
    KeyRecord key = KeyWith(marks);
    Delete(key, kNow, RevokeReason::kPolicy, "second");
    EXPECT_EQ(StateOf(key, kNow), KeyState::kDeleted);
    ASSERT_TRUE(key.revocation.has_value());
    EXPECT_EQ(key.revocation->note, marks.revoked ? "first" : "second");
    EXPECT_EQ(key.revocation->time, marks.revoked ? kBefore : kNow);
    EXPECT_EQ(key.delete_time, marks.deleted ? kBefore : kNow);
    EXPECT_EQ(key.update_time, marks.revoked && marks.deleted ? kBefore : kNow);
  }
}

TEST(UndeleteTest, ShowsTheKeyStillRevoked) {
  for (const Marks& marks : AllMixtures()) {
    KeyRecord key = KeyWith(marks);
    Delete(key, kNow, RevokeReason::kUnspecified, "");
    Undelete(key, kNow + kInstant);
    EXPECT_EQ(StateOf(key, kNow), KeyState::kRevoked);
    EXPECT_EQ(key.update_time, kNow + kInstant);
    Undelete(key, kNow + absl::Hours(1));
    EXPECT_EQ(key.update_time, kNow + kInstant) << "there was nothing to change";
  }
}

TEST(RevokeWithProjectTest, AKeyEndsWithItsProjectUnlessItHadEndedBefore) {
  KeyRecord key = KeyWith({});
  RevokeWithProject(key, kNow);
  EXPECT_EQ(StateOf(key, kNow), KeyState::kRevoked);
  EXPECT_EQ(key.revocation->time, kNow);
  KeyRecord revoked = KeyWith({.revoked = true});
  RevokeWithProject(revoked, kNow);
  EXPECT_EQ(revoked.revocation->note, "first");
}

}  // namespace
}  // namespace claviger
