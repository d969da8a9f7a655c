// Restores that are refused, or end early, and what they leave: nothing.
#include <map>

#include "absl/strings/escaping.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/backup_format.h"
#include "fmt/format.h"
#include "storage/rocksdb/restore_folder.h"
#include "tests/integration/restore_testing.h"

namespace claviger {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

class RestoreRefusedTest : public WithRestore<ServerTest> {
 protected:
  void SetUp() override {
    key_ = Issue();
    backup_ = BackUp();
    Revoke(key_.info().key_id());
    export_ = Export();
  }
  RestoreRequest Wanted() const { return {.file = backup_, .audit_export = export_}; }

  // Names and contents below the data folder.
  std::map<std::string, std::string> Everything() const {
    std::map<std::string, std::string> found;
    if (!fs::exists(server_.data_dir())) return found;
    for (const auto& entry : fs::recursive_directory_iterator(server_.data_dir())) {
      found[entry.path().string()] = entry.is_regular_file() ? ReadFile(entry.path()) : "folder";
    }
    return found;
  }
  // The refusal, which leaves the folder as it was.
  std::string Refused(const RestoreRequest& request) {
    const auto before = Everything();
    const auto report = Restore(request);
    EXPECT_FALSE(report.ok()) << *report;
    EXPECT_TRUE(Everything() == before) << "something in the folder has changed";
    return std::string(report.status().message());
  }
  // What the last line of the export says.
  AuditHead ExportEnd() const {
    v1::ListAuditEventsResponse line;
    EXPECT_TRUE(FromJson(ExportLines().back(), line));
    AuditHead end{.revision = {line.head_revision()}, .hash = {}};
    EXPECT_TRUE(FromBytes(line.head_hash(), end.hash));
    return end;
  }
  std::vector<std::string> ExportLines() const {
    return absl::StrSplit(ReadFile(export_), '\n', absl::SkipEmpty());
  }
  static bool FromJson(const std::string& line, google::protobuf::Message& message) {
    return google::protobuf::util::JsonStringToMessage(line, &message).ok();
  }
  std::string Changed(const std::string& name, const std::string& text) {
    return server_.dir().Write(name, text);
  }

  IssuedKey key_;
  std::string backup_;
  std::string export_;
};

TEST_F(RestoreRefusedTest, AFolderWithAServer) {
  EXPECT_THAT(RestoreError(Wanted()), HasSubstr("in use by another clavigerd"));
  EXPECT_THAT(root().Call(v1::ListKeysRequest()), IsOk());
}

TEST_F(RestoreRefusedTest, AFolderWithAStore) {
  server_.Stop();
  EXPECT_THAT(Refused(Wanted()), AllOf(HasSubstr("is not empty"), HasSubstr(".old")));
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  EXPECT_EQ(CodeOf(key_.key()), v1::VERIFY_CODE_REVOKED);
}

TEST_F(RestoreRefusedTest, WithoutAnAuditExportUnlessSomebodyKnowsWhatThatMeans) {
  LoseTheStore();
  EXPECT_THAT(Refused({.file = backup_, .audit_export = ""}),
              AllOf(HasSubstr("--audit-export"), HasSubstr("--accept-older-state")));
  EXPECT_TRUE(RestoreOlderState(backup_).ok());
}

TEST_F(RestoreRefusedTest, AnotherPepper) {
  LoseTheStore();
  const std::string good = ReadFile(server_.data_dir() + "/pepper");
  const auto line = [this](const std::string& id) {
    return std::string(PepperSet::GenerateLine(id, restore_random_)->ExposeSecret());
  };
  server_.dir().Write("data/pepper", line("p1"));
  EXPECT_THAT(Refused(Wanted()), HasSubstr("other bytes than before [p1]"));
  server_.dir().Write("data/pepper", line("p2"));
  EXPECT_THAT(Refused(Wanted()), HasSubstr("lacks [p1 ("));
  fs::remove(server_.data_dir() + "/pepper");
  EXPECT_THAT(Refused(Wanted()), HasSubstr("/pepper"));
  server_.dir().Write("data/pepper", good);
  EXPECT_TRUE(Restore(Wanted()).ok());
}

TEST_F(RestoreRefusedTest, ABackupThatIsDamagedCutOrNone) {
  LoseTheStore();
  const std::string whole = ReadFile(backup_);
  for (const size_t length : {whole.size() - 1, whole.size() / 2, size_t{100}, size_t{0}}) {
    SCOPED_TRACE(length);
    const std::string cut = Changed("cut", whole.substr(0, length));
    EXPECT_THAT(Refused({.file = cut, .audit_export = export_}), HasSubstr(cut));
  }
  for (size_t at = 20; at < whole.size(); at += whole.size() / 23) {
    SCOPED_TRACE(at);
    std::string text = whole;
    text[at] ^= 0x10;
    Refused({.file = Changed("flipped", text), .audit_export = export_});
  }
  EXPECT_THAT(Refused({.file = Changed("none", "hello\n"), .audit_export = export_}),
              HasSubstr("not a backup"));
  EXPECT_THAT(Refused({.file = server_.dir().Join("nowhere"), .audit_export = export_}),
              HasSubstr("nowhere"));
}

TEST_F(RestoreRefusedTest, ABackupOfAnotherSchemaOrThatHasNoRoom) {
  LoseTheStore();
  BackupHeader header = *ParseBackupHeader([&] {
    const std::string whole = ReadFile(backup_);
    return whole.substr(0, whole.find("\n\n") + 2);
  }());
  header.schema_version += 1;
  EXPECT_THAT(
      Refused({.file = Changed("newer", RenderBackupHeader(header)), .audit_export = export_}),
      HasSubstr("with the version that made it"));
  header.schema_version -= 1;
  header.files.back().bytes = kMaxBackupFileBytes;
  EXPECT_THAT(
      Refused({.file = Changed("large", RenderBackupHeader(header)), .audit_export = export_}),
      AllOf(HasSubstr("MiB free"), HasSubstr("make room")));
}

TEST_F(RestoreRefusedTest, AnAuditExportThatIsEditedCutForeignOrTooOld) {
  const std::string partial = Export(Manager({"audit.read"}, {"default"}), "partial.jsonl");
  TestServer other;
  ASSERT_EQ(other.Start(), absl::OkStatus());
  // Another log, that is as long.
  v1::CreateProjectRequest project;
  while (other.Root().Call(v1::ListAuditEventsRequest())->head_revision() < 20) {
    project.mutable_project()->set_project_id(
        fmt::format("p{}", other.Root().Call(v1::ListAuditEventsRequest())->head_revision()));
    ASSERT_THAT(other.Root().Call(project), IsOk());
  }
  const std::string foreign = Export(other.Root(), "foreign.jsonl");
  LoseTheStore();

  const std::string whole = ReadFile(export_);
  std::string edited = whole;
  const size_t revoke = edited.find("RevokeKey");
  ASSERT_NE(revoke, std::string::npos);
  edited.replace(revoke, 9, "EnableKey");
  const std::string cut = whole.substr(0, whole.rfind('\n', whole.size() - 2) + 1);
  const std::string missing = [&] {
    const size_t begin = whole.rfind('\n', revoke) + 1;
    return whole.substr(0, begin) + whole.substr(whole.find('\n', revoke) + 1);
  }();
  const struct {
    std::string file;
    const char* message;
  } kCases[] = {
      {Changed("edited", edited), "was edited"},
      {Changed("cut", cut), "cut off"},
      {Changed("missing", missing), "revision"},
      {Changed("none", "hello"), "is not one of an audit export"},
      {Changed("empty", ""), "cut off"},
      {Changed("behind", whole + whole), "stands behind the end"},
      {foreign, "is not of the store that the backup was made of"},
      {partial, "bound to projects"},
      {server_.dir().Join("nowhere"), "cannot be read"},
  };
  for (const auto& [file, message] : kCases) {
    EXPECT_THAT(Refused({.file = backup_, .audit_export = file}),
                AllOf(HasSubstr(message), HasSubstr(file)));
  }
}

TEST_F(RestoreRefusedTest, AnAuditExportFromBeforeTheBackup) {
  Issue();
  const std::string newer = BackUp("newer");
  LoseTheStore();
  EXPECT_THAT(Refused({.file = newer, .audit_export = export_}), HasSubstr("before the backup"));
}

TEST_F(RestoreRefusedTest, ADryRunChecksAllAndLeavesNothing) {
  LoseTheStore();
  RestoreRequest trial = Wanted();
  trial.dry_run = true;
  const auto before = Everything();
  const auto report = Restore(trial);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(*report, AllOf(HasSubstr("could restore"), HasSubstr("nothing was changed"),
                             HasSubstr(key_.info().key_id() + " of default: revoked")));
  EXPECT_EQ(Everything(), before);
  // Of a backup alone, with a folder that is not there.
  trial.audit_export.clear();
  server_.config().store.data_dir = server_.dir().Join("fresh");
  server_.config().callers.pepper_file = OldData() + "/pepper";
  EXPECT_TRUE(Restore(trial).ok());
  EXPECT_FALSE(fs::exists(server_.data_dir()));
}

TEST_F(RestoreRefusedTest, WhatAnInterruptedRestoreLeftIsReplacedButNotByADryRun) {
  LoseTheStore();
  fs::create_directories(server_.data_dir() + "/restoring/db");
  server_.dir().Write("data/restoring/db/CURRENT", "left");
  RestoreRequest trial = Wanted();
  trial.dry_run = true;
  EXPECT_THAT(Refused(trial), HasSubstr("give another --data"));
  EXPECT_TRUE(Restore(Wanted()).ok());
  StartAgain();
  EXPECT_EQ(CodeOf(key_.key()), v1::VERIFY_CODE_REVOKED);
}

// The chain has no key: only a head that somebody kept shows it.
TEST_F(RestoreRefusedTest, AnExportWhoseEndWasCutAndMadeAnewWhereAHeadWasKept) {
  LoseTheStore();
  std::vector<std::string> lines = ExportLines();
  ASSERT_THAT(lines.at(lines.size() - 2), HasSubstr("RevokeKey"));
  lines.resize(lines.size() - 2);
  v1::AuditEvent last;
  ASSERT_TRUE(FromJson(lines.back(), last));
  lines.push_back(fmt::format("{{\"headRevision\":\"{}\",\"headHash\":\"{}\"}}\n", last.revision(),
                              absl::Base64Escape(last.hash())));
  RestoreRequest wanted = Wanted();
  wanted.audit_export = Changed("cut.jsonl", absl::StrJoin(lines, "\n"));
  wanted.dry_run = true;
  EXPECT_TRUE(Restore(wanted).ok()) << "it looks whole";
  wanted.audit_head = ExportEnd();
  EXPECT_THAT(Refused(wanted), HasSubstr("does not have the head " + ExportEnd().ToString()));
  wanted.audit_export = export_;
  EXPECT_TRUE(Restore(wanted).ok());
  wanted.audit_head->hash[0] ^= 1;
  EXPECT_THAT(Refused(wanted), HasSubstr("(--audit-head)"));
}

TEST_F(RestoreRefusedTest, ACompleteRestoreIsFinishedByTheSameAndByNoOther) {
  Issue();
  const std::string newer = BackUp("newer");
  const std::string newer_export = Export(root(), "newer.jsonl");
  LoseTheStore();
  const auto first = Restore(Wanted());
  ASSERT_TRUE(first.ok()) << first.status();
  // As if it had been killed before it moved the database: all that it made is in its folder again.
  const std::string restoring = server_.data_dir() + "/restoring";
  fs::create_directory(restoring);
  fs::rename(server_.data_dir() + "/db", restoring + "/db");
  const BackupHeader header = *ParseBackupHeader([&] {
    const std::string whole = ReadFile(backup_);
    return whole.substr(0, whole.find("\n\n") + 2);
  }());
  server_.dir().Write(
      "data/restoring/complete",
      fmt::format("claviger-restore 1\nbackup {} {} {}\naudit-export {}\n\nwhat it did\n",
                  header.epoch.ToHex(), header.head.ToString(),
                  absl::ToUnixNanos(header.create_time), ExportEnd().ToString()));

  EXPECT_THAT(std::string(server_.Start().message()), HasSubstr("restore` again as before"));
  EXPECT_THAT(Refused({.file = newer, .audit_export = newer_export}),
              HasSubstr("a restore of another backup"));
  EXPECT_THAT(Refused({.file = backup_, .audit_export = newer_export}),
              HasSubstr("with another audit export"));
  RestoreRequest trial = Wanted();
  trial.dry_run = true;
  EXPECT_THAT(Refused(trial), HasSubstr("without --dry-run"));
  const auto again = Restore(Wanted());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_THAT(*again, AllOf(HasSubstr("an earlier run"), HasSubstr("what it did")));
  StartAgain();
  EXPECT_EQ(CodeOf(key_.key()), v1::VERIFY_CODE_REVOKED);
}

}  // namespace
}  // namespace claviger
