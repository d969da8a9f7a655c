#include "client/cli/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "client/cli/audit_view.h"
#include "client/cli/display_text.h"
#include "client/cli/key_view.h"
#include "client/cli/time_text.h"

namespace claviger::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

const absl::Time kNow = absl::FromUnixSeconds(1'893'456'000);

v1::Key KeyNamed(const std::string& name) {
  v1::Key key;
  key.set_key_id("00Yx3bTnQ5vLr8Wz");
  key.set_project_id("acme-customer-facing");
  key.set_display_name(name);
  key.set_state(v1::KEY_STATE_ACTIVE);
  for (const char* scope : {"invoices:read", "invoices:write", "reports:read"})
    key.add_scopes(scope);
  key.set_owner("bücherei@example.com");
  *key.mutable_create_time() = ToProto(kNow - absl::Hours(3));
  *key.mutable_expire_time() = ToProto(kNow + absl::Hours(24 * 89));
  return key;
}

std::string KeyTableAt(size_t width, bool color = false) {
  google::protobuf::RepeatedPtrField<v1::Key> keys;
  *keys.Add() = KeyNamed("billing export");
  *keys.Add() = KeyNamed("鍵の保管者・請求書エクスポート用のとても長い名前");
  *keys.Add() = KeyNamed("evil\x1b[2J\nname");
  return KeyTable(keys, kNow).Render(width, color);
}

class TableWidthTest : public ::testing::TestWithParam<size_t> {};

TEST(AuditTableTest, ARefusalShowsInATerminalOf80Columns) {
  google::protobuf::RepeatedPtrField<v1::AuditEvent> events;
  v1::AuditEvent& event = *events.Add();
  event.set_revision(12345678);
  *event.mutable_time() = ToProto(kNow);
  event.set_action("UpdateProject");
  event.set_actor("cert:dns:deployer.ci.example.com");
  event.set_project_id("acme-customer-facing");
  event.set_key_id("00Yx3bTnQ5vLr8Wz");
  event.set_refusal("PERMISSION_DENIED");
  event.set_peer("192.0.2.7");
  const std::string table = AuditTable(events).Render(80, false);
  EXPECT_THAT(table, HasSubstr("RESULT"));
  EXPECT_THAT(table, HasSubstr("PERMISSION_DE"));
  EXPECT_THAT(table, HasSubstr("ACTOR"));
  for (const std::string& line : Lines(table)) EXPECT_LE(DisplayWidth(line), 80U) << line;
}

TEST_P(TableWidthTest, EveryLineFits) {
  const std::vector<std::string> lines = Lines(KeyTableAt(GetParam()));
  ASSERT_EQ(lines.size(), 4U);
  for (const std::string& line : lines) EXPECT_LE(DisplayWidth(line), GetParam()) << line;
}

TEST_P(TableWidthTest, IdsAreWholeAndStatesShown) {
  const std::vector<std::string> lines = Lines(KeyTableAt(GetParam()));
  for (size_t i = 1; i < lines.size(); ++i) {
    EXPECT_THAT(lines[i], HasSubstr("00Yx3bTnQ5vLr8Wz"));
    EXPECT_THAT(lines[i], HasSubstr("ACTIVE"));
  }
}

TEST_P(TableWidthTest, NothingFromTheServerReachesTheTerminalRaw) {
  EXPECT_THAT(KeyTableAt(GetParam()), Not(HasSubstr("\x1b")));
}

INSTANTIATE_TEST_SUITE_P(Widths, TableWidthTest, ::testing::Values(40, 80, 200));

TEST(TableTest, WideTerminalShowsEverything) {
  const std::string table = KeyTableAt(200);
  for (const char* part :
       {"SCOPES", "OWNER", "EXPIRES", "in 89 days", "3 h ago", "evil\\x1b[2J\\x0aname",
        "invoices:read, invoices:write, reports:read"}) {
    EXPECT_THAT(table, HasSubstr(part));
  }
}

TEST(TableTest, ReplacedKeysSayWhetherTheyAreStillUsed) {
  google::protobuf::RepeatedPtrField<v1::Key> keys;
  *keys.Add() = KeyNamed("new");
  *keys.Add() = KeyNamed("old");
  EXPECT_THAT(KeyTable(keys, kNow).Render(80, false), Not(HasSubstr("REPLACED")));
  keys[1].set_rotated_to("00Yx3bTnQ5vLr8Wz");
  EXPECT_THAT(KeyTable(keys, kNow).Render(80, false), HasSubstr("yes"));
  keys[1].set_used_since_rotation(true);
  EXPECT_THAT(KeyTable(keys, kNow).Render(80, false), HasSubstr("still used"));
}

TEST(TableTest, NarrowTerminalLeavesTheLeastNeededOut) {
  const std::string table = KeyTableAt(40);
  EXPECT_THAT(table, HasSubstr("NAME"));
  EXPECT_THAT(table, Not(HasSubstr("OWNER")));
  EXPECT_THAT(table, Not(HasSubstr("SCOPES")));
}

TEST(TableTest, EvenAWidthBelowAllMinimaIsKept) {
  for (const std::string& line : Lines(KeyTableAt(12))) EXPECT_LE(DisplayWidth(line), 12U) << line;
}

TEST(TableTest, ColorsOnlyWhenAskedFor) {
  EXPECT_THAT(KeyTableAt(80, /*color=*/true), HasSubstr("\x1b[32mACTIVE\x1b[0m"));
  EXPECT_THAT(KeyTableAt(80, /*color=*/false), Not(HasSubstr("\x1b[")));
}

TEST(FitColumnsTest, NaturalWidthsWhereTheyFit) {
  EXPECT_EQ(FitColumns({{"a"}, {"b", 2}}, {5, 9}, 16), (std::vector<size_t>{5, 9}));
}

TEST(FitColumnsTest, NarrowsTheWidestBeforeLeavingOut) {
  EXPECT_EQ(FitColumns({{"a"}, {"b", 2, 1}, {"c", 2, 2}}, {5, 9, 4}, 16),
            (std::vector<size_t>{5, 3, 4}));
}

TEST(FitColumnsTest, LeavesOutTheMostDispensable) {
  EXPECT_EQ(FitColumns({{"a"}, {"b", 0, 1}, {"c", 0, 2}}, {5, 5, 5}, 13),
            (std::vector<size_t>{5, 5, 0}));
}

TEST(FieldListTest, AlignsValuesAndWrapsThemWithinTheWidth) {
  FieldList fields;
  fields.Add("id", "00Yx3bTnQ5vLr8Wz");
  fields.Add("scopes", "invoices:read, invoices:write, reports:read");
  fields.Add("note", "");
  EXPECT_EQ(fields.Render(30, false),
            "id      00Yx3bTnQ5vLr8Wz\n"
            "scopes  invoices:read,\n"
            "        invoices:write,\n"
            "        reports:read\n");
}

TEST(KeyTableTest, WhatTheListWasAskedForStays) {
  google::protobuf::RepeatedPtrField<v1::Key> keys;
  *keys.Add() = KeyNamed("a key that has a rather long name");
  *keys.Mutable(0)->mutable_last_used_time() = ToProto(kNow - absl::Hours(24 * 200));
  EXPECT_THAT(KeyTable(keys, kNow).Render(60, false), Not(HasSubstr("OWNER")));
  EXPECT_THAT(KeyTable(keys, kNow, {.keep_owner = true}).Render(60, false), HasSubstr("OWNER"));
  EXPECT_THAT(KeyTable(keys, kNow).Render(48, false), Not(HasSubstr("LAST USED")));
  EXPECT_THAT(KeyTable(keys, kNow, {.keep_last_used = true}).Render(48, false),
              HasSubstr("LAST USED"));
}

}  // namespace
}  // namespace claviger::cli
