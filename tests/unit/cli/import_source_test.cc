// Rows of keys to import from CSV and from JSON lines.
#include "client/cli/import_source.h"

#include <fcntl.h>
#include <unistd.h>

#include "client/cli/import_row.h"
#include "client/cli/unique_fd.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/cli/temp_dir.h"

namespace claviger::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Fields = std::vector<std::string>;

class ImportSourceTest : public ::testing::Test {
 protected:
  // The bytes of a file with `text` in it.
  ByteSource& Bytes(const std::string& text) {
    file_.emplace(open(dir_.Write("rows", text).c_str(), O_RDONLY | O_CLOEXEC));
    bytes_.emplace(file_->get(), [this] { return stopped_; });
    return *bytes_;
  }
  absl::StatusOr<std::optional<Fields>> Record(const std::string& text) {
    return ReadCsvRecord(Bytes(text));
  }
  std::string RecordError(const std::string& text) {
    const auto record = Record(text);
    return record.ok() ? "none" : std::string(record.status().message());
  }
  std::string HeaderError(const std::string& text) {
    const auto source = OpenCsv(Bytes(text));
    return source.ok() ? "none" : std::string(source.status().message());
  }
  // The row, which is there.
  ImportSourceRow Take(ImportSource& source) {
    auto row = source.Next();
    EXPECT_TRUE(row.ok() && row->has_value()) << row.status();
    return row.ok() && row->has_value() ? **std::move(row)
                                        : ImportSourceRow{.line = 0, .key = v1::ImportedKey()};
  }
  std::string ErrorOf(const std::string& json) {
    const auto key = RowFromJson(json);
    return key.ok() ? "none" : std::string(key.status().message());
  }

  TempDir dir_;
  std::optional<UniqueFd> file_;
  std::optional<ByteSource> bytes_;
  bool stopped_ = false;
};

TEST_F(ImportSourceTest, RecordsAreReadAsRfc4180HasThem) {
  EXPECT_THAT(**Record("a,b\n"), ElementsAre("a", "b"));
  EXPECT_THAT(**Record("a,b\r\n"), ElementsAre("a", "b"));
  EXPECT_THAT(**Record("a,b"), ElementsAre("a", "b"));
  EXPECT_THAT(**Record(",\n"), ElementsAre("", ""));
  EXPECT_THAT(**Record("\"a,b\",\"c\"\"d\",\"\"\n"), ElementsAre("a,b", "c\"d", ""));
  EXPECT_THAT(**Record("\"two\r\nlines\",x\n"), ElementsAre("two\r\nlines", "x"));
  EXPECT_THAT(**Record(" a , b \n"), ElementsAre(" a ", " b "));
  EXPECT_EQ(*Record(""), std::nullopt);
}

TEST_F(ImportSourceTest, WhatIsNoRecordIsRefusedWithItsLine) {
  EXPECT_THAT(RecordError("\"a"), HasSubstr("line 1: a quote is never closed"));
  EXPECT_THAT(RecordError("\"a\nb\"c,\n"), HasSubstr("line 2: text behind the closing quote"));
  EXPECT_THAT(RecordError("a\"b\n"), HasSubstr("line 1: a quote inside"));
  EXPECT_THAT(RecordError("a\rb\n"), HasSubstr("line 1: text behind"));
  EXPECT_THAT(RecordError(std::string(70'000, 'a')), HasSubstr("longer than 64 KiB"));
  EXPECT_THAT(RecordError(std::string(64, ',')), HasSubstr("more than 64 fields"));
}

TEST_F(ImportSourceTest, TheHeaderNamesTheColumns) {
  EXPECT_EQ(HeaderError("sha256,name\n"), "none");
  EXPECT_EQ(HeaderError("\xEF\xBB\xBFname,sha512\r\n"), "none");
  EXPECT_THAT(HeaderError(""), HasSubstr("empty"));
  EXPECT_THAT(HeaderError("sha256,title\n"), HasSubstr("no column 'title'; there are sha256"));
  EXPECT_THAT(HeaderError("sha256,name,name\n"), HasSubstr("name comes twice"));
  EXPECT_THAT(HeaderError("name,owner\n"), HasSubstr("sha256 or sha512"));
  EXPECT_THAT(HeaderError("sha256\n"), HasSubstr("name"));
}

TEST_F(ImportSourceTest, RowsOfCsvHaveAllAttributes) {
  const auto source = OpenCsv(
      Bytes("sha256,name,description,environment,scopes,ttl,owner,labels,metadata,cidrs,masked\n"
            "ab,ci,long,test,a:b  c:d,30d,bob,team=blue;area=north,\"{\"\"plan\"\":\"\"pro\"\"}\","
            "10.0.0.0/8 ::1/128,sk…1\n"
            "\n"
            "cd,x,,,,,,,,,\n"
            "ef\n"));
  ASSERT_TRUE(source.ok()) << source.status();
  const ImportSourceRow full = Take(**source);
  EXPECT_EQ(full.line, 2u);
  ASSERT_TRUE(full.key.ok()) << full.key.status();
  const v1::ImportedKey& key = *full.key;
  EXPECT_EQ(key.sha256(), "ab");
  EXPECT_EQ(key.display_name(), "ci");
  EXPECT_EQ(key.description(), "long");
  EXPECT_EQ(key.environment(), v1::ENVIRONMENT_TEST);
  EXPECT_THAT(key.scopes(), ElementsAre("a:b", "c:d"));
  EXPECT_EQ(key.ttl().seconds(), 30 * 86'400);
  EXPECT_EQ(key.owner(), "bob");
  EXPECT_EQ(key.labels().at("team"), "blue");
  EXPECT_EQ(key.labels().at("area"), "north");
  EXPECT_EQ(key.metadata().fields().at("plan").string_value(), "pro");
  EXPECT_THAT(key.allowed_cidrs(), ElementsAre("10.0.0.0/8", "::1/128"));
  EXPECT_EQ(key.masked_key(), "sk…1");
  const ImportSourceRow bare = Take(**source);
  EXPECT_EQ(bare.line, 4u);
  EXPECT_EQ(bare.key->sha256(), "cd");
  EXPECT_FALSE(bare.key->has_ttl());
  EXPECT_THAT(std::string(Take(**source).key.status().message()),
              HasSubstr("has 1 fields, and the header has 11"));
  EXPECT_EQ(*(*source)->Next(), std::nullopt);
}

TEST_F(ImportSourceTest, RowsOfJsonHaveTheSameNames) {
  const auto source = OpenJsonLines(
      Bytes(R"({"sha512":"ab","name":"ci","scopes":["a:b","c:d"],"labels":{"team":"blue"},)"
            R"("metadata":{"plan":"pro"},"cidrs":"10.0.0.0/8","expires":"2031-01-01","owner":null})"
            "\n\n{\"name\": 5}\r\nnonsense"));
  const ImportSourceRow full = Take(*source);
  ASSERT_TRUE(full.key.ok()) << full.key.status();
  EXPECT_EQ(full.key->sha512(), "ab");
  EXPECT_THAT(full.key->scopes(), ElementsAre("a:b", "c:d"));
  EXPECT_EQ(full.key->labels().at("team"), "blue");
  EXPECT_EQ(full.key->metadata().fields().at("plan").string_value(), "pro");
  EXPECT_THAT(full.key->allowed_cidrs(), ElementsAre("10.0.0.0/8"));
  EXPECT_EQ(full.key->expire_time().seconds(), 1'924'992'000);
  const ImportSourceRow number = Take(*source);
  EXPECT_EQ(number.line, 3u);
  EXPECT_THAT(std::string(number.key.status().message()), HasSubstr("name: must be a string"));
  EXPECT_THAT(std::string(Take(*source).key.status().message()), HasSubstr("JSON object"));
  EXPECT_EQ(*source->Next(), std::nullopt);
}

TEST_F(ImportSourceTest, AFieldThatIsWrongIsNamed) {
  EXPECT_THAT(ErrorOf(R"({"title":"x"})"), HasSubstr("no field 'title'"));
  EXPECT_THAT(ErrorOf(R"({"sha256":"a","sha512":"b"})"), HasSubstr("sha512"));
  EXPECT_THAT(ErrorOf(R"({"environment":"prod"})"), HasSubstr("live or test"));
  EXPECT_THAT(ErrorOf(R"({"ttl":"soon"})"), HasSubstr("ttl: must be a duration"));
  EXPECT_THAT(ErrorOf(R"({"expires":"soon"})"), HasSubstr("expires: must be a time"));
  EXPECT_THAT(ErrorOf(R"({"ttl":"1d","expires":"2031-01-01"})"), HasSubstr("together"));
  EXPECT_THAT(ErrorOf(R"({"labels":"blue"})"), HasSubstr("labels: must be KEY=VALUE"));
  EXPECT_THAT(ErrorOf(R"({"labels":{"a":1}})"), HasSubstr("object of strings"));
  EXPECT_THAT(ErrorOf(R"({"scopes":[1]})"), HasSubstr("list of strings"));
  EXPECT_THAT(ErrorOf(R"({"owner":["a"]})"), HasSubstr("owner: must not be a list"));
  EXPECT_THAT(ErrorOf(R"({"metadata":"@/etc/passwd"})"), HasSubstr("metadata: must be an object"));
  const Fields columns = {"metadata"};
  const Fields fields = {"@/etc/passwd"};
  EXPECT_FALSE(RowFromFields(columns, fields).ok()) << "a row names no files";
}

TEST_F(ImportSourceTest, TextThatIsNotUtf8IsAnErrorOfItsRow) {
  const auto csv =
      OpenCsv(Bytes("sha256,name\nab,b\xFF"
                    "ad\ncd,good\n"));
  ASSERT_TRUE(csv.ok()) << csv.status();
  EXPECT_THAT(std::string(Take(**csv).key.status().message()), HasSubstr("name: must be UTF-8"));
  EXPECT_EQ(Take(**csv).key->display_name(), "good");
  const auto json =
      OpenJsonLines(Bytes("{\"name\":\"b\xFF"
                          "ad\"}\n{\"name\":\"good\"}\n"));
  EXPECT_THAT(std::string(Take(*json).key.status().message()), HasSubstr("must be UTF-8"));
  EXPECT_EQ(Take(*json).key->display_name(), "good");
}

TEST_F(ImportSourceTest, ANameTwiceIsAnErrorOfItsRow) {
  EXPECT_THAT(ErrorOf(R"({"owner":"ann","owner":"bob"})"), HasSubstr("name twice"));
  EXPECT_THAT(ErrorOf(R"({"metadata":{"a":1,"a":2}})"), HasSubstr("name twice"));
}

TEST_F(ImportSourceTest, AStopEndsTheSource) {
  stopped_ = true;
  EXPECT_EQ(*ReadCsvRecord(Bytes("a,b\n")), std::nullopt);
}

}  // namespace
}  // namespace claviger::cli
