#include "core/audit_chain.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace claviger {
namespace {

using testing::HasSubstr;

struct Line {
  AuditEntry entry;
  Sha256Bytes hash{};
};

// The entries of the test vector in docs/storage-format.md, and some more.
std::vector<Line> Log(uint64_t entries) {
  std::vector<Line> log;
  Sha256Bytes previous{};
  for (uint64_t n = 1; n <= entries; ++n) {
    AuditEntry entry{.revision = {n},
                     .time = absl::FromUnixNanos(1893456000000000000 + static_cast<int64_t>(n)),
                     .draft = {.actor = "system",
                               .peer = "",
                               .action = "Bootstrap",
                               .project_id = "claviger",
                               .key_id = "0000000000000001",
                               .detail = "",
                               .refusal = ""},
                     .previous_hash = previous};
    if (n == 2) {
      entry.draft = {.actor = "key:0000000000000001",
                     .peer = "10.0.0.1",
                     .action = "RevokeKey",
                     .project_id = "acme",
                     .key_id = "0000000000000002",
                     .detail = "reason COMPROMISED: \xc3\xa9",
                     .refusal = "PERMISSION_DENIED"};
    }
    previous = HashAuditEntry(entry);
    log.push_back({std::move(entry), previous});
  }
  return log;
}

std::string Found(const std::vector<Line>& log, const std::optional<AuditHead>& end) {
  AuditChain chain;
  for (const Line& line : log) chain.Add(line.entry, line.hash);
  const auto fault = chain.FaultAgainst(end);
  return fault.has_value() ? fault->what : "whole";
}

AuditHead EndOf(const std::vector<Line>& log) {
  return {.revision = log.back().entry.revision, .hash = log.back().hash};
}

TEST(AuditEntryTest, HashIsThatOfTheVector) {
  const std::vector<Line> log = Log(2);
  EXPECT_EQ(ToHex(AsBytes(log[0].hash)),
            "87b9fe0dbf74b77b35cea0d6a3109be4df55c59bd12ec5102c2ddebfcd9256bb");
  EXPECT_EQ(ToHex(AsBytes(log[1].hash)),
            "074b7b7378ec14b8f93dd2e3b7a4a1e7bea1c7904ea31d3c5b16d30d0185ccdb");
}

TEST(AuditEntryTest, TextsCannotRunIntoEachOther) {
  AuditEntry a = Log(1)[0].entry;
  AuditEntry b = a;
  a.draft.actor = "ab";
  a.draft.peer = "c";
  b.draft.actor = "a";
  b.draft.peer = "bc";
  EXPECT_NE(HashAuditEntry(a), HashAuditEntry(b));
}

TEST(AuditEntryTest, EveryFieldIsHashed) {
  const AuditEntry original = Log(2)[1].entry;
  const Sha256Bytes hash = HashAuditEntry(original);
  std::vector<AuditEntry> changed(10, original);
  changed[0].revision.value = 3;
  changed[1].time += absl::Nanoseconds(1);
  changed[2].draft.actor += "x";
  changed[3].draft.peer += "x";
  changed[4].draft.action += "x";
  changed[5].draft.project_id += "x";
  changed[6].draft.key_id += "x";
  changed[7].draft.detail += "x";
  changed[8].draft.refusal += "x";
  changed[9].previous_hash[31] ^= 1;
  for (const AuditEntry& entry : changed) EXPECT_NE(HashAuditEntry(entry), hash);
}

TEST(AuditHeadTest, TextComesBack) {
  const AuditHead head = EndOf(Log(3));
  EXPECT_EQ(AuditHead::Parse(head.ToString()), head);
}

TEST(AuditHeadTest, OtherTextIsRefused) {
  const std::string hex(64, 'a');
  EXPECT_TRUE(AuditHead::Parse("1:" + hex).has_value());
  const std::vector<std::string> others = {"",
                                           ":" + hex,
                                           "1" + hex,
                                           "1:",
                                           "1:" + hex + "a",
                                           "-1:" + hex,
                                           " 1:" + hex,
                                           "99999999999999999999:" + hex,
                                           "1:" + std::string(64, 'A'),
                                           "1:" + std::string(63, 'a') + "g"};
  for (const std::string& text : others) {
    EXPECT_FALSE(AuditHead::Parse(text).has_value()) << text;
  }
}

TEST(AuditChainCheckTest, UntouchedLogIsWhole) {
  const std::vector<Line> log = Log(5);
  EXPECT_EQ(Found(log, EndOf(log)), "whole");
  EXPECT_EQ(Found(log, std::nullopt), "whole");
  EXPECT_EQ(Found({}, AuditHead{}), "whole");
}

TEST(AuditChainCheckTest, EditedEntryIsNamed) {
  std::vector<Line> log = Log(5);
  const AuditHead end = EndOf(log);
  log[2].entry.draft.actor = "somebody else";
  EXPECT_THAT(Found(log, end), HasSubstr("revision 3: the entry was edited"));
  // With a hash of its own it no longer leads to the next one.
  log[2].hash = HashAuditEntry(log[2].entry);
  EXPECT_THAT(Found(log, end), HasSubstr("revision 4: the entry does not follow the one before"));
}

TEST(AuditChainCheckTest, EditedNumberIsNamed) {
  std::vector<Line> log = Log(5);
  log[2].entry.revision.value = 9;
  EXPECT_THAT(Found(log, std::nullopt), HasSubstr("revision 3: an edited entry"));
}

TEST(AuditChainCheckTest, MissingEntriesAreNamed) {
  for (size_t cut = 0; cut < 4; ++cut) {
    std::vector<Line> log = Log(5);
    const AuditHead end = EndOf(log);
    log.erase(log.begin() + static_cast<std::ptrdiff_t>(cut));
    EXPECT_EQ(Found(log, end), "revision " + std::to_string(cut + 1) + ": the entry is missing");
  }
  std::vector<Line> log = Log(6);
  log.erase(log.begin() + 1, log.begin() + 4);
  EXPECT_EQ(Found(log, std::nullopt),
            "revision 2: the entries from here to revision 4 are missing");
}

TEST(AuditChainCheckTest, OutOfOrderIsNamed) {
  for (size_t i = 0; i < 4; ++i) {
    std::vector<Line> log = Log(5);
    std::swap(log[i], log[i + 1]);
    EXPECT_THAT(Found(log, std::nullopt),
                HasSubstr("revision " + std::to_string(i + 1) + ": entries are out of order"));
  }
  std::vector<Line> twice = Log(5);
  twice.insert(twice.begin() + 3, twice[0]);
  EXPECT_THAT(Found(twice, std::nullopt),
              HasSubstr("revision 1: the entry stands out of order, behind revision 3"));
}

TEST(AuditChainCheckTest, CutOffAtTheEndIsNamed) {
  const std::vector<Line> log = Log(5);
  EXPECT_THAT(Found(Log(3), EndOf(log)), HasSubstr("revision 4: cut off at the end"));
  EXPECT_THAT(Found({}, EndOf(log)), HasSubstr("revision 1: cut off at the end"));
  EXPECT_THAT(Found(log, EndOf(Log(3))), HasSubstr("revision 4: an entry stands behind the end"));
}

TEST(AuditChainCheckTest, ReplacedLastEntryIsFoundByItsHead) {
  std::vector<Line> log = Log(5);
  const AuditHead end = EndOf(log);
  log[4].entry.draft.detail = "nothing happened";
  log[4].hash = HashAuditEntry(log[4].entry);
  EXPECT_THAT(Found(log, end), HasSubstr("revision 5: the last entry was replaced"));
}

}  // namespace
}  // namespace claviger
