#include "server/manage/caller_map.h"

#include "core/status.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace claviger {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kTwoCallers[] = R"({"callers": [
  {"san": "dns:billing.internal", "permissions": ["keys.verify", "keys.read"],
   "projectIds": ["shop", "bank"]},
  {"san": "uri:spiffe://example/ops", "permissions": ["*"]}]})";

TEST(CallerMapTest, ReadsCallers) {
  const absl::StatusOr<CallerMap> map = ParseCallerMap(kTwoCallers);
  ASSERT_TRUE(map.ok()) << map.status();
  ASSERT_EQ(map->size(), 2u);
  const CertificateIdentity& billing = *map->at("dns:billing.internal");
  EXPECT_EQ(billing.san, "dns:billing.internal");
  EXPECT_THAT(billing.permissions.scopes(), ElementsAre("keys.read", "keys.verify"));
  EXPECT_THAT(billing.project_ids, ElementsAre("bank", "shop"));
  const CertificateIdentity& ops = *map->at("uri:spiffe://example/ops");
  EXPECT_TRUE(ops.permissions.Covers("settings.manage"));
  EXPECT_TRUE(ops.project_ids.empty());
}

TEST(CallerMapTest, AnEmptyMapHasNoCallers) {
  EXPECT_TRUE(ParseCallerMap("{}")->empty());
  EXPECT_TRUE(ParseCallerMap(R"({"callers": []})")->empty());
}

TEST(CallerMapTest, WhatIsWrongIsNamed) {
  struct Case {
    std::string json;
    std::string says;
  };
  const auto caller = [](const std::string& body) {
    return R"({"callers": [{"san": "dns:ok"}, {)" + body + "}]}";
  };
  for (const Case& row : std::vector<Case>{
           {"", "not the JSON of a caller map"},
           {"{", "not the JSON of a caller map"},
           {"[]", "not the JSON of a caller map"},
           {R"({"caller": []})", "caller"},
           {caller(R"("san": "dns:x", "rights": ["keys.read"])"), "rights"},
           {caller(R"("permissions": ["keys.read"])"), "callers[1].san"},
           {caller(R"("san": "billing.internal")"), "dns: uri: ip: email:"},
           {caller(R"("san": "dns:")"), "callers[1].san"},
           {caller(R"("san": "dirname:x")"), "callers[1].san"},
           {caller(R"("san": "DNS:x")"), "callers[1].san"},
           {caller(R"("san": "dns:ok")"), "'dns:ok' stands twice"},
           {caller(R"("san": "dns:x", "permissions": ["keys.fly"])"),
            "there is no permission 'keys.fly'"},
           {caller(R"("san": "dns:x", "permissions": ["keys.*"])"), "accepted are * keys.issue"},
           {caller(R"("san": "dns:x", "permissions": [""])"), "callers[1].permissions"},
           {caller(R"("san": "dns:x", "projectIds": ["Shop"])"), "callers[1].projectIds: 'Shop'"},
           {caller(R"("san": 7, "permissions": [7])"), "not the JSON"}}) {
    const absl::StatusOr<CallerMap> map = ParseCallerMap(row.json);
    EXPECT_EQ(map.status().code(), absl::StatusCode::kInvalidArgument) << row.json;
    EXPECT_EQ(DetailsOf(map.status()).reason, Reason::kConfigInvalid) << row.json;
    EXPECT_THAT(std::string(map.status().message()), HasSubstr(row.says)) << row.json;
  }
}

TEST(CallerMapTest, TenThousandCallersAreTheMost) {
  const auto map_of = [](int count) {
    std::string json = R"({"callers": [)";
    for (int i = 0; i < count; ++i) {
      json += fmt::format(R"({}{{"san": "dns:h{}"}})", i == 0 ? "" : ",", i);
    }
    return ParseCallerMap(json + "]}");
  };
  EXPECT_EQ(map_of(10'000)->size(), 10'000u);
  EXPECT_THAT(std::string(map_of(10'001).status().message()), HasSubstr("at most 10000"));
}

TEST(CallerMapTest, AFileIsNamedInItsErrors) {
  const TempDir dir;
  EXPECT_EQ(LoadCallerMap(dir.Write("good.json", kTwoCallers))->size(), 2u);
  const std::string bad = dir.Write("bad.json", "{");
  EXPECT_THAT(std::string(LoadCallerMap(bad).status().message()), HasSubstr(bad));
  const std::string missing = dir.Join("missing.json");
  EXPECT_THAT(std::string(LoadCallerMap(missing).status().message()),
              AllOf(HasSubstr(missing), HasSubstr("cannot be read")));
}

TEST(CallerMapHolderTest, FindsInTheMapInForce) {
  CallerMapHolder holder;
  EXPECT_EQ(holder.Find("dns:billing.internal"), nullptr);
  holder.Replace(*ParseCallerMap(kTwoCallers));
  ASSERT_NE(holder.Find("dns:billing.internal"), nullptr);
  EXPECT_EQ(holder.Find("dns:Billing.internal"), nullptr);
  EXPECT_EQ(holder.Find("billing.internal"), nullptr);
  const auto kept = holder.Find("dns:billing.internal");
  holder.Replace(CallerMap());
  EXPECT_EQ(holder.Find("dns:billing.internal"), nullptr);
  EXPECT_EQ(kept->san, "dns:billing.internal");
}

}  // namespace
}  // namespace claviger
