// Reads tests/vectors/*.json, which a program that shares no code with ours wrote.
#include <algorithm>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>

#include "core/digest.h"
#include "core/key_format.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"

namespace claviger {
namespace {

using ::google::protobuf::ListValue;
using ::google::protobuf::Struct;

Struct ReadVectors(const std::string& name) {
  std::ifstream file(std::string(CLAVIGER_VECTORS_DIR) + "/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  Struct vectors;
  const auto status = google::protobuf::util::JsonStringToMessage(text.str(), &vectors);
  EXPECT_TRUE(status.ok()) << name << ": " << status.ToString();
  return vectors;
}

const ListValue& List(const Struct& vectors, const std::string& name) {
  const ListValue& list = vectors.fields().at(name).list_value();
  EXPECT_GT(list.values_size(), 0) << name;
  return list;
}

const std::string& Text(const Struct& row, const std::string& name) {
  return row.fields().at(name).string_value();
}

// "Random" bytes that were chosen beforehand.
class ScriptedRandom final : public RandomSource {
 public:
  explicit ScriptedRandom(const std::string& hex) {
    for (size_t i = 0; i + 1 < hex.size(); i += 2) {
      bytes_.push_back(static_cast<uint8_t>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    }
  }

  absl::Status Fill(std::span<uint8_t> out) override {
    if (out.size() != bytes_.size()) return absl::UnavailableError("asked for another length");
    std::copy(bytes_.begin(), bytes_.end(), out.begin());
    return absl::OkStatus();
  }

 private:
  std::vector<uint8_t> bytes_;
};

TEST(KeyFormatVectorsTest, ValidKeysParse) {
  const Struct vectors = ReadVectors("key_format.json");
  for (const auto& value : List(vectors, "valid").values()) {
    const Struct& row = value.struct_value();
    SCOPED_TRACE(Text(row, "about"));
    const std::optional<ParsedKey> parsed = ParseKey(Text(row, "key"));
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->prefix, Text(row, "prefix"));
    EXPECT_EQ(EnvironmentName(parsed->environment), Text(row, "environment"));
    EXPECT_EQ(parsed->id.text(), Text(row, "key_id"));
    EXPECT_EQ(MaskKey(Secret::CopyOf(Text(row, "key"))), Text(row, "masked_key"));
  }
}

TEST(KeyFormatVectorsTest, TheSameSecretMakesTheSameKey) {
  const Struct vectors = ReadVectors("key_format.json");
  for (const auto& value : List(vectors, "valid").values()) {
    const Struct& row = value.struct_value();
    SCOPED_TRACE(Text(row, "about"));
    ScriptedRandom random(Text(row, "secret_hex"));
    const Environment environment =
        Text(row, "environment") == "live" ? Environment::kLive : Environment::kTest;
    const absl::StatusOr<Secret> key =
        GenerateKey(Text(row, "prefix"), environment, *KeyId::Parse(Text(row, "key_id")), random);
    ASSERT_TRUE(key.ok()) << key.status();
    EXPECT_EQ(key->ExposeSecret(), Text(row, "key"));
  }
}

TEST(KeyFormatVectorsTest, InvalidKeysDoNotParse) {
  const Struct vectors = ReadVectors("key_format.json");
  for (const auto& value : List(vectors, "invalid").values()) {
    const Struct& row = value.struct_value();
    EXPECT_FALSE(ParseKey(Text(row, "key")).has_value()) << Text(row, "about");
  }
}

TEST(KeyFormatVectorsTest, TheScannerExpressionFindsEveryValidKey) {
  const Struct vectors = ReadVectors("key_format.json");
  const std::regex expression(Text(vectors, "scanner_regex"));
  for (const auto& value : List(vectors, "valid").values()) {
    const std::string& key = Text(value.struct_value(), "key");
    std::smatch found;
    const std::string source = "token = \"" + key + "\";";
    ASSERT_TRUE(std::regex_search(source, found, expression)) << key;
    EXPECT_EQ(found.str(), key);
  }
}

TEST(DigestVectorsTest, HashesDigestsCanariesAndDerivedKeysAgree) {
  const Struct vectors = ReadVectors("digest.json");
  const absl::StatusOr<PepperSet> peppers =
      PepperSet::Parse(Secret::CopyOf(Text(vectors, "pepper_file")));
  ASSERT_TRUE(peppers.ok()) << peppers.status();
  for (const auto& value : List(vectors, "cases").values()) {
    const Struct& row = value.struct_value();
    const KeyHash hash = HashKey(Text(row, "key"));
    EXPECT_EQ(ToHex(AsBytes(hash.bytes)), Text(row, "key_hash"));
    const auto digest =
        peppers->Digest(Text(row, "pepper_id"), *KeyId::Parse(Text(row, "key_id")), hash);
    ASSERT_TRUE(digest.ok()) << digest.status();
    EXPECT_EQ(ToHex(AsBytes(digest->bytes)), Text(row, "digest")) << Text(row, "pepper_id");
  }
  for (const auto& value : List(vectors, "imported").values()) {
    const Struct& row = value.struct_value();
    const bool is_256 = Text(row, "algorithm") == "sha256";
    const Sha256Bytes sha256 = Sha256(Text(row, "text"));
    const Sha512Bytes sha512 = Sha512(Text(row, "text"));
    const std::string_view hash = is_256 ? AsBytes(sha256) : AsBytes(sha512);
    EXPECT_EQ(ToHex(hash), Text(row, "text_hash"));
    const auto digest = peppers->ImportedDigest(
        Text(row, "pepper_id"), is_256 ? ImportAlgorithm::kSha256 : ImportAlgorithm::kSha512, hash);
    ASSERT_TRUE(digest.ok()) << digest.status();
    EXPECT_EQ(ToHex(AsBytes(digest->bytes)), Text(row, "digest")) << Text(row, "pepper_id");
  }
  for (const auto& value : List(vectors, "canaries").values()) {
    const Struct& row = value.struct_value();
    const auto canary = peppers->Canary(Text(row, "pepper_id"));
    ASSERT_TRUE(canary.ok()) << canary.status();
    EXPECT_EQ(ToHex(AsBytes(canary->bytes)), Text(row, "digest")) << Text(row, "pepper_id");
  }
  for (const auto& value : List(vectors, "derived_keys").values()) {
    const Struct& row = value.struct_value();
    const auto key = peppers->DeriveKey(Text(row, "pepper_id"), Text(row, "purpose"));
    ASSERT_TRUE(key.ok()) << key.status();
    EXPECT_EQ(ToHex(key->ExposeSecret()), Text(row, "key")) << Text(row, "purpose");
  }
}

}  // namespace
}  // namespace claviger
