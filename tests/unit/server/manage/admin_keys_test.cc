#include "server/manage/admin_keys.h"

#include <memory>
#include <utility>

#include "core/status.h"
#include "gtest/gtest.h"
#include "storage/memory/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/support/store_testing.h"

namespace claviger {
namespace {

class AdminKeysTest : public ::testing::Test {
 protected:
  AdminKeysTest()
      : store_(*MemoryStore::Create({.clock = &clock_, .random = &random_, .commit = {}})),
        admins_(*AdminKeys::Load(*store_, [this] { return certificate_may_; })) {
    store_->AddListener(admins_.get());
  }
  ~AdminKeysTest() override { store_->Close(); }

  static KeyRecord Admin(int n) {
    KeyRecord key = TestKey(n, kManagementProject);
    key.scopes = ScopeSet::FromTrusted({"settings.manage"});
    return key;
  }
  void Put(const KeyRecord& key) { ASSERT_TRUE(CommitAndWait(*store_, Putting(key)).ok()); }

  // Writes `key` if Check lets it.
  Mutation Guarded(std::vector<KeyRecord> keys) {
    return [this, keys = std::move(keys)](const StateReader& state) -> absl::StatusOr<ChangeSet> {
      ChangeSet changes;
      changes.put_keys = keys;
      absl::Status kept = asked_->Check(changes, state, clock_.Now());
      if (!kept.ok()) return kept;
      return changes;
    };
  }
  Reason Refusal(std::vector<KeyRecord> keys) {
    return DetailsOf(CommitAndWait(*store_, Guarded(std::move(keys))).status()).reason;
  }
  static KeyRecord Revoked(KeyRecord key) {
    key.revocation = Revocation{.time = absl::FromUnixSeconds(1893456000)};
    return key;
  }

  FakeClock clock_;
  FakeRandom random_;
  bool certificate_may_ = false;
  std::unique_ptr<MemoryStore> store_;
  std::unique_ptr<AdminKeys> admins_;
  const AdminKeys* asked_ = admins_.get();
};

TEST_F(AdminKeysTest, TwoThatWouldGoTogetherDoNotBothGo) {
  Put(Admin(1));
  Put(Admin(2));
  WriterGate gate(*store_);
  const PendingCommit first(*store_, Guarded({Revoked(Admin(1))}));
  const PendingCommit second(*store_, Guarded({Revoked(Admin(2))}));
  gate.Open();
  EXPECT_TRUE(first.Wait().ok());
  EXPECT_EQ(DetailsOf(second.Wait().status()).reason, Reason::kLastAdminKey);
}

TEST_F(AdminKeysTest, TwoInOneChangeDoNotBothGo) {
  Put(Admin(1));
  Put(Admin(2));
  EXPECT_EQ(Refusal({Revoked(Admin(1)), Revoked(Admin(2))}), Reason::kLastAdminKey);
}

TEST_F(AdminKeysTest, ANewOneMayTakeItsPlaceInTheSameChange) {
  Put(Admin(1));
  EXPECT_EQ(Refusal({Revoked(Admin(1)), Admin(2)}), Reason::kUnknown);
  EXPECT_NE(*store_->FindKey(TestKeyId(2)), nullptr);
}

TEST_F(AdminKeysTest, AnEarlierEndIsRefusedAndALaterOneIsNot) {
  KeyRecord key = Admin(1);
  key.expire_time = clock_.Now() + absl::Hours(2);
  Put(key);
  key.expire_time = clock_.Now() + absl::Hours(1);
  EXPECT_EQ(Refusal({key}), Reason::kLastAdminKey);
  key.expire_time = clock_.Now() + absl::Hours(3);
  EXPECT_EQ(Refusal({key}), Reason::kUnknown);
  key.expire_time = std::nullopt;
  EXPECT_EQ(Refusal({key}), Reason::kUnknown);
  key.expire_time = clock_.Now() + absl::Hours(1000);
  EXPECT_EQ(Refusal({key}), Reason::kLastAdminKey);
}

TEST_F(AdminKeysTest, WhatElseChangesOfTheLastOneIsItsOwnBusiness) {
  Put(Admin(1));
  KeyRecord key = Admin(1);
  key.display_name = "another name";
  key.scopes = ScopeSet::FromTrusted({"*"});
  EXPECT_EQ(Refusal({key}), Reason::kUnknown);
}

TEST_F(AdminKeysTest, ABindingTakesItAway) {
  Put(Admin(1));
  KeyRecord key = Admin(1);
  key.bound_project_ids = {"web"};
  EXPECT_EQ(Refusal({key}), Reason::kLastAdminKey);
}

TEST_F(AdminKeysTest, ACertificateThatMayDoEverythingIsEnough) {
  Put(Admin(1));
  certificate_may_ = true;
  EXPECT_EQ(Refusal({Revoked(Admin(1))}), Reason::kUnknown);
}

TEST_F(AdminKeysTest, KeysFromBeforeTheStartAreKnown) {
  Put(Admin(1));
  Put(Admin(2));
  const auto later = *AdminKeys::Load(*store_, [] { return false; });
  asked_ = later.get();
  EXPECT_EQ(Refusal({Revoked(Admin(1))}), Reason::kUnknown);
  EXPECT_EQ(Refusal({Revoked(Admin(2))}), Reason::kLastAdminKey);
}

TEST_F(AdminKeysTest, OtherProjectsKeysAreNotLookedAfter) {
  KeyRecord key = TestKey(1);
  key.scopes = ScopeSet::FromTrusted({"*"});
  Put(key);
  EXPECT_EQ(Refusal({Revoked(key)}), Reason::kUnknown);
}

}  // namespace
}  // namespace claviger
