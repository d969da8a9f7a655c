// What `claviger audit verify` finds in an export.

#include "client/cli/audit_check.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "client/cli/json_output.h"
#include "client/cli/time_text.h"

namespace claviger::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using Outcome = AuditCheck::Outcome;
using Lines = std::vector<std::string>;

std::string Bytes(const Sha256Bytes& hash) { return std::string(AsBytes(hash)); }

std::string LineOf(const v1::AuditEvent& event) {
  std::string line = ToJsonLine(event).value();
  line.pop_back();
  return line;
}

// Entries as an export has them, with its last line.
Lines Export(int entries, AuditHead* end = nullptr) {
  Lines lines;
  AuditHead head;
  for (int n = 1; n <= entries; ++n) {
    const AuditEntry entry{.revision = head.revision.Next(),
                           .time = absl::FromUnixNanos(1893456000123456789 + n),
                           .draft = {.actor = "key:0000000000000001",
                                     .peer = "10.0.0.1",
                                     .action = "IssueKey",
                                     .project_id = "acme",
                                     .key_id = "000000000000000" + std::to_string(n),
                                     .detail = "Köln \"x\"",
                                     .refusal = ""},
                           .previous_hash = head.hash};
    head = {.revision = entry.revision, .hash = HashAuditEntry(entry)};
    v1::AuditEvent event;
    event.set_revision(entry.revision.value);
    *event.mutable_time() = ToProto(entry.time);
    event.set_actor(entry.draft.actor);
    event.set_peer(entry.draft.peer);
    event.set_action(entry.draft.action);
    event.set_project_id(entry.draft.project_id);
    event.set_key_id(entry.draft.key_id);
    event.set_detail(entry.draft.detail);
    event.set_previous_hash(Bytes(entry.previous_hash));
    event.set_hash(Bytes(head.hash));
    lines.push_back(LineOf(event));
  }
  v1::ListAuditEventsResponse last;
  last.set_head_revision(head.revision.value);
  last.set_head_hash(Bytes(head.hash));
  std::string line = AuditHeadLine(last);
  line.pop_back();
  lines.push_back(line);
  if (end != nullptr) *end = head;
  return lines;
}

AuditCheck::Verdict Check(const Lines& lines, const std::optional<AuditHead>& kept = {}) {
  AuditCheck check(kept);
  for (const std::string& line : lines) check.AddLine(line);
  return check.Finish();
}

std::string Found(const Lines& lines, const std::optional<AuditHead>& kept = {}) {
  const AuditCheck::Verdict verdict = Check(lines, kept);
  EXPECT_EQ(verdict.outcome, Outcome::kBroken) << verdict.what;
  return verdict.what;
}

v1::AuditEvent EventOf(const std::string& line) {
  v1::AuditEvent event;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(line, &event).ok());
  return event;
}

TEST(AuditCheckTest, AnUntouchedExportIsWhole) {
  AuditHead end;
  const Lines lines = Export(5, &end);
  const auto verdict = Check(lines, end);
  EXPECT_EQ(verdict.outcome, Outcome::kWhole) << verdict.what;
  EXPECT_EQ(verdict.entries, 5u);
  EXPECT_EQ(verdict.head, end);
  AuditHead earlier;
  Export(3, &earlier);
  EXPECT_EQ(Check(lines, earlier).outcome, Outcome::kWhole);
}

TEST(AuditCheckTest, EveryMissingEntryIsNamed) {
  for (size_t i = 0; i < 5; ++i) {
    Lines lines = Export(5);
    lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_THAT(Found(lines), StartsWith("revision " + std::to_string(i + 1) + ": "));
  }
  Lines lines = Export(5);
  lines.pop_back();
  EXPECT_THAT(Found(lines), HasSubstr("revision 6: cut off"));
}

TEST(AuditCheckTest, EverySwapIsFound) {
  for (size_t i = 0; i < 5; ++i) {
    Lines lines = Export(5);
    std::swap(lines[i], lines[i + 1]);
    Found(lines);
  }
  Lines lines = Export(5);
  std::swap(lines[1], lines[2]);
  EXPECT_THAT(Found(lines), HasSubstr("revision 2: entries are out of order"));
}

TEST(AuditCheckTest, EveryChangedBitIsFoundOrChangesNothing) {
  const Lines original = Export(3);
  for (size_t n = 0; n < original.size(); ++n) {
    for (size_t i = 0; i < 8 * original[n].size(); ++i) {
      Lines lines = original;
      lines[n][i / 8] = static_cast<char>(lines[n][i / 8] ^ 1 << i % 8);
      if (Check(lines).outcome == Outcome::kBroken) continue;
      // The same message in other characters: white space, a bit of base64 that stands for nothing.
      google::protobuf::util::JsonParseOptions strict;
      v1::AuditEvent a;
      v1::AuditEvent b;
      v1::ListAuditEventsResponse c;
      v1::ListAuditEventsResponse d;
      const bool same_event =
          google::protobuf::util::JsonStringToMessage(original[n], &a, strict).ok() &&
          google::protobuf::util::JsonStringToMessage(lines[n], &b, strict).ok() &&
          a.SerializeAsString() == b.SerializeAsString();
      const bool same_head =
          google::protobuf::util::JsonStringToMessage(original[n], &c, strict).ok() &&
          google::protobuf::util::JsonStringToMessage(lines[n], &d, strict).ok() &&
          c.SerializeAsString() == d.SerializeAsString();
      EXPECT_TRUE(same_event || same_head) << "line " << n << ": " << lines[n];
    }
  }
}

TEST(AuditCheckTest, AnEditedEntryIsNamed) {
  Lines lines = Export(5);
  v1::AuditEvent event = EventOf(lines[2]);
  event.set_actor("cert:dns:somebody");
  lines[2] = LineOf(event);
  EXPECT_THAT(Found(lines), HasSubstr("revision 3: the entry was edited"));
  lines[2] = "{";
  EXPECT_THAT(Found(lines), HasSubstr("revision 3: the entry was edited: line 3"));
}

TEST(AuditCheckTest, AFieldThatComesTwiceIsAnEdit) {
  for (const char* another :
       {R"("actor":"mallory",)", R"("keyId":"mallory",)", R"("key_id":"mallory",)"}) {
    Lines lines = Export(3);
    lines[1].insert(1, another);
    EXPECT_THAT(Found(lines), HasSubstr("revision 2: the entry was edited: line 2")) << another;
  }
  Lines lines = Export(3);
  lines.back().insert(1, R"("headRevision":"7",)");
  Found(lines);
}

TEST(AuditCheckTest, AKeptHeadFindsARewrittenLog) {
  AuditHead kept;
  Export(3, &kept);
  kept.hash[0] ^= 1;
  EXPECT_THAT(Found(Export(5), kept),
              HasSubstr("revision 3: the hash is not the one that was kept"));
  AuditHead longer;
  Export(7, &longer);
  EXPECT_THAT(Found(Export(5), longer),
              HasSubstr("revision 6: cut off at the end: the log once went on to revision 7"));
}

TEST(AuditCheckTest, AnExportOfABoundCallerCannotBeChecked) {
  Lines lines = Export(3);
  for (size_t i = 0; i < 3; ++i) {
    v1::AuditEvent event = EventOf(lines[i]);
    event.clear_hash();
    event.clear_previous_hash();
    lines[i] = LineOf(event);
  }
  EXPECT_THAT(Found(lines), HasSubstr("revision 1: the entry was edited: its hashes"));
  lines.back() = "{\"headRevision\":\"0\",\"headHash\":\"\"}";
  const auto verdict = Check(lines);
  EXPECT_EQ(verdict.outcome, Outcome::kNotCheckable);
  EXPECT_THAT(verdict.what, HasSubstr("bound to projects"));
}

TEST(AuditCheckTest, HashesTakenOutOfOneEntryAreAnEdit) {
  Lines lines = Export(3);
  v1::AuditEvent event = EventOf(lines[1]);
  event.clear_hash();
  event.clear_previous_hash();
  lines[1] = LineOf(event);
  EXPECT_THAT(Found(lines), HasSubstr("revision 2: the entry was edited: its hashes"));
  lines.back() = "{\"headRevision\":\"0\",\"headHash\":\"\"}";
  Found(lines);
}

TEST(AuditCheckTest, WhatStandsBehindTheEndIsFound) {
  Lines lines = Export(3);
  lines.push_back(lines[1]);
  EXPECT_THAT(Found(lines), HasSubstr("line 5 stands behind"));
}

TEST(AuditCheckTest, NoExportIsNotWhole) {
  Found({});
  Found({"not json"});
  Found({""});
}

}  // namespace
}  // namespace claviger::cli
