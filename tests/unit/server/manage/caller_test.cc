#include "server/manage/caller.h"

#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/manage/permissions.h"
#include "tests/support/store_testing.h"

namespace claviger {
namespace {

using ::testing::HasSubstr;
using Strings = std::vector<std::string>;

Caller KeyCaller(const Strings& scopes, const Strings& projects = {},
                 std::string_view project_id = kManagementProject) {
  KeyRecord key = TestKey(7, project_id);
  key.scopes = ScopeSet::FromTrusted(scopes);
  key.bound_project_ids = projects;
  return Caller::FromKey(std::make_shared<const KeyRecord>(std::move(key)), "10.0.0.1");
}

Caller CertificateCaller(const Strings& permissions, const Strings& projects = {}) {
  CertificateIdentity identity{"dns:billing", ScopeSet::FromTrusted(permissions), projects};
  return Caller::FromCertificate(std::make_shared<const CertificateIdentity>(std::move(identity)),
                                 "10.0.0.2");
}

TEST(CallerTest, HasWhatItsKeyHas) {
  const Caller caller = KeyCaller({"keys.read", "keys.verify"});
  EXPECT_TRUE(caller.Has("keys.read"));
  EXPECT_TRUE(caller.Has("keys.verify"));
  EXPECT_FALSE(caller.Has("keys.issue"));
  EXPECT_FALSE(caller.Has("settings.manage"));
}

TEST(CallerTest, SettingsManageAndAStarAreEverything) {
  for (const Caller& caller : {KeyCaller({"settings.manage"}), CertificateCaller({"*"})}) {
    for (const std::string_view permission : permission::kAll) {
      EXPECT_TRUE(caller.Has(permission)) << permission;
    }
  }
}

TEST(CallerTest, AKeyOfAnotherProjectHasNothing) {
  const Caller caller = KeyCaller({"*", "settings.manage", "keys.read"}, {}, "default");
  for (const std::string_view permission : permission::kAll) {
    EXPECT_FALSE(caller.Has(permission)) << permission;
  }
}

TEST(CallerTest, IsBoundToAllProjectsOrToThoseNamed) {
  EXPECT_TRUE(KeyCaller({}).IsBoundTo("anything"));
  EXPECT_TRUE(KeyCaller({}).acts_in_all_projects());
  const Caller bound = KeyCaller({"keys.read"}, {"a1", "b1"});
  EXPECT_TRUE(bound.IsBoundTo("a1"));
  EXPECT_TRUE(bound.IsBoundTo("b1"));
  EXPECT_FALSE(bound.IsBoundTo("a"));
  EXPECT_FALSE(bound.IsBoundTo("claviger"));
  EXPECT_FALSE(bound.acts_in_all_projects());
  EXPECT_TRUE(bound.May("keys.read", "a1"));
  EXPECT_FALSE(bound.May("keys.read", "c1"));
  EXPECT_FALSE(bound.May("keys.issue", "a1"));
}

TEST(CallerTest, RequireNamesThePermission) {
  EXPECT_EQ(KeyCaller({"keys.read"}).Require("keys.read"), absl::OkStatus());
  const absl::Status denied = KeyCaller({"keys.read"}).Require("keys.issue");
  EXPECT_EQ(denied.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(DetailsOf(denied).reason, Reason::kPermissionDenied);
  EXPECT_THAT(std::string(denied.message()), HasSubstr("keys.issue"));
}

TEST(CallerTest, IsNamedByKeyOrCertificate) {
  EXPECT_EQ(KeyCaller({}).actor(), "key:" + TestKeyId(7).ToString());
  EXPECT_EQ(KeyCaller({}).key_id(), TestKeyId(7));
  EXPECT_EQ(KeyCaller({}).peer(), "10.0.0.1");
  EXPECT_EQ(CertificateCaller({}).actor(), "cert:dns:billing");
  EXPECT_EQ(CertificateCaller({}).key_id(), std::nullopt);
  EXPECT_EQ(CertificateCaller({}).peer(), "10.0.0.2");
}

struct GrantCase {
  std::string name;
  Strings has;
  Strings has_projects;
  Strings gives;
  Strings gives_projects;
  bool allowed;
};

TEST(CallerTest, GivesAtMostWhatItHas) {
  for (const GrantCase& row : std::vector<GrantCase>{
           {"the same", {"keys.read"}, {}, {"keys.read"}, {}, true},
           {"nothing", {}, {}, {}, {}, true},
           {"less", {"keys.read", "keys.issue"}, {}, {"keys.read"}, {"a1"}, true},
           {"all from settings.manage", {"settings.manage"}, {}, {"keys.read", "*"}, {}, true},
           {"another", {"keys.read"}, {}, {"keys.issue"}, {}, false},
           {"one more", {"keys.read"}, {}, {"keys.read", "keys.issue"}, {}, false},
           {"settings.manage", {"keys.read"}, {}, {"settings.manage"}, {}, false},
           {"a star", {"keys.read"}, {}, {"*"}, {}, false},
           {"its own project", {"keys.read"}, {"a1"}, {"keys.read"}, {"a1"}, true},
           {"a part of its projects", {"keys.read"}, {"a1", "b1"}, {"keys.read"}, {"b1"}, true},
           {"another project", {"keys.read"}, {"a1"}, {"keys.read"}, {"b1"}, false},
           {"one project more", {"keys.read"}, {"a1"}, {"keys.read"}, {"a1", "b1"}, false},
           {"all projects", {"keys.read"}, {"a1"}, {"keys.read"}, {}, false},
           {"nothing in all projects", {"keys.read"}, {"a1"}, {}, {}, false}}) {
    const ScopeSet gives = ScopeSet::FromTrusted(row.gives);
    for (const Caller& caller :
         {KeyCaller(row.has, row.has_projects), CertificateCaller(row.has, row.has_projects)}) {
      const absl::Status status = caller.RequireCanGrant(gives, row.gives_projects);
      EXPECT_EQ(status.ok(), row.allowed) << row.name << ": " << status;
      if (!row.allowed) {
        EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << row.name;
        EXPECT_EQ(DetailsOf(status).reason, Reason::kPrivilegeEscalation) << row.name;
      }
    }
  }
}

}  // namespace
}  // namespace claviger
