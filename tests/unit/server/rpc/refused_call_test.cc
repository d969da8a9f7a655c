#include "server/rpc/refused_call.h"

#include <memory>
#include <string>
#include <utility>

#include "claviger/v1/key_authority.pb.h"
#include "claviger/v1/project.pb.h"
#include "gtest/gtest.h"
#include "tests/support/store_testing.h"

namespace claviger {
namespace {

constexpr char kId[] = "0000000000000001";

TEST(IdsOfTest, TakesIdsFromWhereRequestsHaveThem) {
  v1::RevokeKeyRequest revoke;
  revoke.set_key_id(kId);
  EXPECT_EQ(IdsOf(revoke).key_id, kId);
  EXPECT_EQ(IdsOf(revoke).project_id, "");
  v1::IssueKeyRequest issue;
  issue.set_project_id("acme");
  EXPECT_EQ(IdsOf(issue).project_id, "acme");
  EXPECT_EQ(IdsOf(issue).key_id, "");
  v1::CreateProjectRequest create;
  create.mutable_project()->set_project_id("acme");
  EXPECT_EQ(IdsOf(create).project_id, "acme");
  EXPECT_EQ(IdsOf(v1::CreateProjectRequest()).project_id, "");
  v1::ListKeysRequest list;
  list.add_project_ids("acme");
  EXPECT_EQ(IdsOf(list).project_id, "") << "several are none";
}

TEST(IdsOfTest, TakesNothingElse) {
  const std::string whole_key =
      "clv_live_0000000000000001_0000000000000000000000000000000000000000000000000";
  for (const std::string& text :
       {std::string("no"), std::string(kId) + "x", std::string("0000000000 00001"),
        std::string("000000000000000\n"), std::string(100'000, 'a'), whole_key}) {
    v1::RevokeKeyRequest revoke;
    revoke.set_key_id(text);
    EXPECT_EQ(IdsOf(revoke).key_id, "");
  }
  for (const std::string& text :
       {std::string("A"), std::string("a b"), std::string(64, 'a'), whole_key}) {
    v1::IssueKeyRequest issue;
    issue.set_project_id(text);
    EXPECT_EQ(IdsOf(issue).project_id, "");
  }
}

TEST(ReadIdsTest, OfBytesThatAreNoRequestThereAreNone) {
  const auto bytes = [](const std::string& text) {
    const grpc::Slice slice(text);
    return grpc::ByteBuffer(&slice, 1);
  };
  v1::RevokeKeyRequest revoke;
  revoke.set_key_id(kId);
  const std::string good = revoke.SerializeAsString();
  EXPECT_EQ(ReadIds<v1::RevokeKeyRequest>(bytes(good), 1000).key_id, kId);
  EXPECT_EQ(ReadIds<v1::RevokeKeyRequest>(bytes(good), good.size() - 1).key_id, "");
  EXPECT_EQ(ReadIds<v1::RevokeKeyRequest>(bytes(good + "\xff"), 1000).key_id, "");
}

TEST(IsRefusalTest, WhatIsNotThereForACallerThatIsBound) {
  auto key = std::make_shared<KeyRecord>(TestKey(1, kManagementProject));
  const Caller unbound = Caller::FromKey(std::make_shared<const KeyRecord>(*key), "");
  key->bound_project_ids = {"shop"};
  const Caller bound = Caller::FromKey(std::move(key), "");
  EXPECT_TRUE(IsRefusal(absl::NotFoundError(""), &bound));
  EXPECT_FALSE(IsRefusal(absl::NotFoundError(""), &unbound));
  EXPECT_FALSE(IsRefusal(absl::AbortedError(""), &bound));
}

TEST(IsRefusalTest, OnlyWhatConcernsTheCaller) {
  EXPECT_TRUE(IsRefusal(absl::PermissionDeniedError(""), nullptr));
  EXPECT_TRUE(IsRefusal(absl::UnauthenticatedError(""), nullptr));
  EXPECT_FALSE(IsRefusal(absl::OkStatus(), nullptr));
  EXPECT_FALSE(IsRefusal(absl::NotFoundError(""), nullptr));
  EXPECT_FALSE(IsRefusal(absl::UnavailableError(""), nullptr));
}

}  // namespace
}  // namespace claviger
