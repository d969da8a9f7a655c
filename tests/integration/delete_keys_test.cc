// Keys that are deleted, shown again, and purged.

#include "google/protobuf/util/message_differencer.h"
#include "tests/integration/server_test.h"

namespace claviger {
namespace {

using ::google::protobuf::util::MessageDifferencer;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr absl::Duration kRetention = absl::Hours(30 * 24);

const auto kGone = [] { return IsError(StatusCode::NOT_FOUND, "KEY_NOT_FOUND"); };

class DeleteKeysTest : public ServerTest {
 protected:
  void SetUp() override {
    issued_ = Issue("default", {"a:b"});
    id_ = issued_.info().key_id();
  }

  template <typename Request>
  Request About(const std::string& id) const {
    Request request;
    request.set_key_id(id);
    return request;
  }
  v1::DeleteKeyResponse Delete(const std::string& id) {
    const auto deleted = root().Call(About<v1::DeleteKeyRequest>(id));
    EXPECT_THAT(deleted, IsOk());
    return *deleted;
  }
  Outcome<v1::UndeleteKeyResponse> Undelete(const std::string& id) {
    return root().Call(About<v1::UndeleteKeyRequest>(id));
  }
  v1::ListKeysResponse List(const std::vector<v1::KeyState>& states = {}) {
    v1::ListKeysRequest request;
    request.add_project_ids("default");
    for (const v1::KeyState state : states) request.add_states(state);
    const auto list = root().Call(request);
    EXPECT_THAT(list, IsOk());
    return *list;
  }
  // Lets the sweep run until the key is gone.
  void AwaitPurge(const std::string& id) {
    server_.Reload();
    while (root().Call(About<v1::GetKeyRequest>(id)).ok()) {
    }
  }

  IssuedKey issued_;
  std::string id_;
};

TEST_F(DeleteKeysTest, ADeletedKeyIsRevokedHiddenAndSaysWhenItGoes) {
  v1::DeleteKeyRequest request = About<v1::DeleteKeyRequest>(id_);
  request.set_reason(v1::REVOKE_REASON_UNUSED);
  request.set_note("tidying up");
  const auto deleted = root().Call(request);
  ASSERT_THAT(deleted, IsOk());
  const v1::Key& key = deleted->info();
  EXPECT_EQ(key.state(), v1::KEY_STATE_DELETED);
  EXPECT_EQ(key.revoke_reason(), v1::REVOKE_REASON_UNUSED);
  EXPECT_EQ(key.revoke_note(), "tidying up");
  EXPECT_EQ(ToTime(key.delete_time()), server_.clock().Now());
  EXPECT_EQ(ToTime(key.purge_time()), server_.clock().Now() + kRetention);
  EXPECT_EQ(deleted->propagation().outcome(), v1::PROPAGATION_OUTCOME_ALL_ACKED);
  EXPECT_EQ(CodeOf(issued_.key()), v1::VERIFY_CODE_REVOKED);
  EXPECT_THAT(List().keys(), IsEmpty());
  ASSERT_THAT(List({v1::KEY_STATE_DELETED}).keys(), SizeIs(1));
  EXPECT_TRUE(MessageDifferencer::Equals(List({v1::KEY_STATE_DELETED}).keys(0), key));
  EXPECT_TRUE(MessageDifferencer::Equals(Get(id_), key));
}

TEST_F(DeleteKeysTest, DeletingTwiceIsOkAndIsWaitedForAgain) {
  const v1::DeleteKeyResponse first = Delete(id_);
  server_.clock().Advance(absl::Hours(1));
  const auto before = Written();
  const v1::DeleteKeyResponse second = Delete(id_);
  EXPECT_TRUE(MessageDifferencer::Equals(second.info(), first.info()));
  EXPECT_TRUE(second.has_propagation());
  EXPECT_EQ(Written(), before);
}

TEST_F(DeleteKeysTest, UndeleteShowsTheKeyStillRevoked) {
  const uint64_t deleted_at = Delete(id_).info().revision();
  server_.clock().Advance(absl::Hours(1));
  v1::UndeleteKeyRequest stale = About<v1::UndeleteKeyRequest>(id_);
  stale.set_if_revision(issued_.info().revision());
  EXPECT_THAT(root().Call(stale), IsError(StatusCode::ABORTED, "STALE_REVISION"));
  stale.set_if_revision(deleted_at);
  stale.set_validate_only(true);
  EXPECT_THAT(root().Call(stale), IsOk());
  EXPECT_EQ(Get(id_).state(), v1::KEY_STATE_DELETED);

  const auto shown = Undelete(id_);
  ASSERT_THAT(shown, IsOk());
  EXPECT_EQ(shown->info().state(), v1::KEY_STATE_REVOKED);
  EXPECT_FALSE(shown->info().has_delete_time());
  EXPECT_FALSE(shown->info().has_purge_time());
  EXPECT_EQ(CodeOf(issued_.key()), v1::VERIFY_CODE_REVOKED);
  EXPECT_THAT(List().keys(), SizeIs(1));
  const auto before = Written();
  EXPECT_THAT(Undelete(id_), IsOk());
  EXPECT_EQ(Written(), before);
}

TEST_F(DeleteKeysTest, NothingBringsADeletedKeyBack) {
  Delete(id_);
  const auto kRevoked = [] { return IsError(StatusCode::FAILED_PRECONDITION, "KEY_REVOKED"); };
  EXPECT_THAT(root().Call(About<v1::EnableKeyRequest>(id_)), kRevoked());
  v1::UpdateScopesRequest scopes = About<v1::UpdateScopesRequest>(id_);
  scopes.add_add("x");
  EXPECT_THAT(root().Call(scopes), kRevoked());
  EXPECT_THAT(root().Call(About<v1::RevokeKeyRequest>(id_)), IsOk());
  Restart();
  EXPECT_EQ(Get(id_).state(), v1::KEY_STATE_DELETED);
  EXPECT_EQ(CodeOf(issued_.key()), v1::VERIFY_CODE_REVOKED);
}

TEST_F(DeleteKeysTest, AKeyDoesNotDeleteItselfWithoutThePermission) {
  EXPECT_THAT(server_.As(issued_.key()).Call(About<v1::DeleteKeyRequest>(id_)),
              IsError(StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"));
  EXPECT_EQ(CodeOf(issued_.key()), v1::VERIFY_CODE_VALID);
  const IssuedKey manager = IssueManagementKey({"keys.revoke"});
  EXPECT_THAT(server_.As(manager.key()).Call(About<v1::DeleteKeyRequest>(manager.info().key_id())),
              IsOk());
}

TEST_F(DeleteKeysTest, AfterItsRetentionAKeyIsGoneForGood) {
  const IssuedKey other = Issue();
  Delete(id_);
  server_.clock().Advance(kRetention - absl::Nanoseconds(1));
  server_.Reload();
  const IssuedKey later = Issue();
  Delete(later.info().key_id());
  EXPECT_EQ(Get(id_).state(), v1::KEY_STATE_DELETED);
  server_.clock().Advance(absl::Nanoseconds(1));
  AwaitPurge(id_);
  EXPECT_THAT(Undelete(id_), kGone());
  EXPECT_THAT(root().Call(About<v1::DeleteKeyRequest>(id_)), kGone());
  EXPECT_EQ(CodeOf(issued_.key()), v1::VERIFY_CODE_NOT_FOUND);
  EXPECT_EQ(CodeOf(other.key()), v1::VERIFY_CODE_VALID);
  EXPECT_EQ(Get(later.info().key_id()).state(), v1::KEY_STATE_DELETED);
  Restart();
  EXPECT_EQ(CodeOf(issued_.key()), v1::VERIFY_CODE_NOT_FOUND);
  EXPECT_THAT(List({v1::KEY_STATE_DELETED}).keys(), SizeIs(1));
}

TEST_F(DeleteKeysTest, WhatCameDueWhileTheServerWasDownIsPurgedAtItsStart) {
  Delete(id_);
  server_.Stop();
  server_.clock().Advance(kRetention);
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  AwaitPurge(id_);
}

TEST_F(DeleteKeysTest, TheRetentionIsASetting) {
  server_.Stop();
  server_.config().store.deleted_key_retention = absl::Minutes(59);
  EXPECT_EQ(server_.Start().code(), absl::StatusCode::kInvalidArgument);
  server_.config().store.deleted_key_retention = absl::Hours(2);
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  EXPECT_EQ(ToTime(Delete(id_).info().purge_time()), server_.clock().Now() + absl::Hours(2));
  EXPECT_EQ(ToTime(Revoke(id_).info().purge_time()), server_.clock().Now() + absl::Hours(2));
  server_.clock().Advance(absl::Hours(2));
  AwaitPurge(id_);
}

TEST_F(DeleteKeysTest, BadFieldsAreNamed) {
  v1::DeleteKeyRequest request = About<v1::DeleteKeyRequest>("x");
  request.set_note(std::string(1025, 'x'));
  EXPECT_THAT(root().Call(request),
              IsError(StatusCode::INVALID_ARGUMENT, "FIELD_INVALID", "key_id"));
  request.set_key_id(id_);
  EXPECT_THAT(root().Call(request), IsError(StatusCode::INVALID_ARGUMENT, "FIELD_INVALID", "note"));
  EXPECT_THAT(root().Call(About<v1::UndeleteKeyRequest>("x")),
              IsError(StatusCode::INVALID_ARGUMENT, "FIELD_INVALID", "key_id"));
}

}  // namespace
}  // namespace claviger
