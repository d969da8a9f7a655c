// Keys for people: what became of one that was replaced.
#include "client/cli/key_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "client/cli/time_text.h"

namespace claviger::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(1893456000);  // 2030-01-01
constexpr absl::Duration kDay = absl::Hours(24);

v1::Key OldKey() {
  v1::Key key;
  key.set_key_id("00Yx3bTnQ5vLr8Wz");
  key.set_state(v1::KEY_STATE_ACTIVE);
  key.set_rotated_to("00Zx3bTnQ5vLr8Wz");
  *key.mutable_create_time() = ToProto(kNow);
  *key.mutable_update_time() = ToProto(kNow);
  *key.mutable_rotate_time() = ToProto(kNow);
  return key;
}

TEST(RemainingLifeTest, TellsWhenTheOldKeyEnds) {
  v1::Key key = OldKey();
  EXPECT_EQ(RemainingLife(key, kNow), "00Yx3bTnQ5vLr8Wz works");
  *key.mutable_expire_time() = ToProto(kNow + 7 * kDay);
  EXPECT_EQ(RemainingLife(key, kNow),
            "00Yx3bTnQ5vLr8Wz works until 2030-01-08T00:00:00Z (in 7 days)");
  key.set_state(v1::KEY_STATE_EXPIRED);
  EXPECT_EQ(RemainingLife(key, kNow), "00Yx3bTnQ5vLr8Wz has expired");
  for (const v1::KeyState state : {v1::KEY_STATE_REVOKED, v1::KEY_STATE_DELETED}) {
    key.set_state(state);
    EXPECT_EQ(RemainingLife(key, kNow), "00Yx3bTnQ5vLr8Wz is revoked");
  }
}

TEST(RemainingLifeTest, TellsOfAGraceThatHasNotBegun) {
  v1::Key key = OldKey();
  *key.mutable_pending_grace() = ToProto(2 * kDay);
  EXPECT_EQ(RemainingLife(key, kNow),
            "00Yx3bTnQ5vLr8Wz works until the new one is first used, for 2 days more then");
  *key.mutable_expire_time() = ToProto(kNow + 7 * kDay);
  EXPECT_THAT(RemainingLife(key, kNow),
              HasSubstr("2 days more then; at the longest until 2030-01-08T00:00:00Z"));
  key.clear_expire_time();
  *key.mutable_pending_grace() = ToProto(absl::ZeroDuration());
  EXPECT_EQ(RemainingLife(key, kNow),
            "00Yx3bTnQ5vLr8Wz works until the new one is first used, is revoked then");
}

TEST(KeyFieldsTest, ShowARotation) {
  v1::Key key = OldKey();
  *key.mutable_pending_grace() = ToProto(2 * kDay);
  const std::string shown = KeyFields(key, kNow).Render(120, false);
  EXPECT_THAT(shown, HasSubstr("replaced by  00Zx3bTnQ5vLr8Wz"));
  EXPECT_THAT(shown, HasSubstr("rotated      2030-01-01T00:00:00Z"));
  EXPECT_THAT(shown, HasSubstr("grace        2 days, from the first use of the new key on"));
  key.clear_pending_grace();
  EXPECT_THAT(KeyFields(key, kNow).Render(120, false), Not(HasSubstr("grace")));
}

}  // namespace
}  // namespace claviger::cli
