#include "tests/crash/key_model.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace claviger::crash {
namespace {

using ::testing::HasSubstr;
using ::testing::Optional;

v1::Key Known() {
  v1::Key key;
  key.set_key_id("0000000000000001");
  key.set_state(v1::KEY_STATE_ACTIVE);
  key.set_owner("ann");
  key.mutable_create_time()->set_seconds(100);
  key.mutable_update_time()->set_seconds(100);
  key.set_revision(7);
  return key;
}

// As the server would have made it.
v1::Key Done(v1::Key wanted) {
  wanted.mutable_update_time()->set_seconds(200);
  if (wanted.has_revoke_time()) wanted.mutable_revoke_time()->set_seconds(200);
  wanted.set_revision(8);
  return wanted;
}

TEST(KeyModelTest, ARecordIsWhatItWas) {
  EXPECT_EQ(DifferenceFrom(Known(), Known()), std::nullopt);
}

TEST(KeyModelTest, UseIsNoDifference) {
  v1::Key used = Known();
  used.mutable_last_used_time()->set_seconds(5);
  used.set_last_used_address("10.0.0.1");
  used.set_used_since_rotation(true);
  EXPECT_EQ(DifferenceFrom(Known(), used), std::nullopt);
}

TEST(KeyModelTest, AChangeIsRecognised) {
  const v1::Key wanted = Revoked(Known(), v1::REVOKE_REASON_OTHER, "why");
  EXPECT_EQ(DifferenceFrom(wanted, Done(wanted)), std::nullopt);
  EXPECT_THAT(DifferenceFrom(wanted, Known()), Optional(HasSubstr("revoke_time")));
  EXPECT_THAT(DifferenceFrom(Known(), Done(wanted)), Optional(HasSubstr("revision")));
}

TEST(KeyModelTest, AChangeNeedsANewRevision) {
  const v1::Key wanted = Disabled(Known());
  v1::Key observed = Done(wanted);
  observed.set_revision(7);
  EXPECT_THAT(DifferenceFrom(wanted, observed), Optional(HasSubstr("revision")));
}

TEST(KeyModelTest, ATimeThatTheServerDidNotChooseMustBeTheSame) {
  v1::Key observed = Done(Disabled(Known()));
  observed.mutable_create_time()->set_seconds(101);
  EXPECT_THAT(DifferenceFrom(Disabled(Known()), observed), Optional(HasSubstr("create_time")));
}

TEST(KeyModelTest, OneWrongFieldIsADifference) {
  v1::Key observed = Done(Disabled(Known()));
  observed.set_owner("bob");
  EXPECT_THAT(DifferenceFrom(Disabled(Known()), observed), Optional(HasSubstr("owner")));
}

TEST(KeyModelTest, ADoomedKeyMayBeAsItWasOrRevokedOrDeletedButNotGood) {
  v1::Key revoked = Done(Revoked(Known(), v1::REVOKE_REASON_OTHER, "the project was deleted"));
  EXPECT_EQ(DifferenceFromDoomed(Known(), revoked), std::nullopt);
  revoked.set_revision(7);
  EXPECT_EQ(DifferenceFromDoomed(Known(), revoked), std::nullopt);
  v1::Key deleted = Done(Deleted(Known(), v1::REVOKE_REASON_OTHER, "the project was deleted"));
  deleted.mutable_delete_time()->set_seconds(200);
  deleted.mutable_purge_time()->set_seconds(300);
  EXPECT_EQ(DifferenceFromDoomed(Known(), deleted), std::nullopt);
  EXPECT_NE(DifferenceFromDoomed(Known(), Known()), std::nullopt);
}

}  // namespace
}  // namespace claviger::crash
