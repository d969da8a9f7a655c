#include "client/cli/key_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <string>

#include "client/cli/secret_input.h"
#include "core/key_format.h"
#include "tests/support/fake_random.h"
#include "tests/unit/cli/temp_dir.h"

namespace claviger::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Well-formed keys in every place they can come from.
class KeySourceTest : public ::testing::Test {
 protected:
  std::string NewKey() {
    const KeyId id = *KeyId::Generate(random_);
    return std::string(GenerateKey("clv", Environment::kLive, id, random_)->ExposeSecret());
  }

  absl::StatusOr<ManagementKey> Find() {
    return FindManagementKey(options_, [this](const char* name) -> std::optional<std::string> {
      const auto found = environment_.find(name);
      if (found == environment_.end()) return std::nullopt;
      return found->second;
    });
  }

  // The key that is found; empty: none.
  std::string Found() {
    const auto key = Find();
    if (!key.ok()) return key.status().ToString();
    return key->key.has_value() ? std::string(key->key->ExposeSecret()) : "";
  }

  TempDir dir_;
  FakeRandom random_;
  std::map<std::string, std::string> environment_;
  KeySourceOptions options_{.default_file = dir_.Path("root.key")};
};

TEST_F(KeySourceTest, EachSourceComesBeforeTheNext) {
  const std::string default_key = NewKey();
  const std::string value_key = NewKey();
  const std::string env_file_key = NewKey();
  const std::string flag_key = NewKey();
  EXPECT_EQ(Found(), "");
  dir_.Write("root.key", default_key);
  options_.server_is_local = true;
  EXPECT_EQ(Found(), default_key);
  environment_["CLAVIGER_KEY"] = value_key;
  EXPECT_EQ(Found(), value_key);
  environment_["CLAVIGER_KEY_FILE"] = dir_.Write("env.key", env_file_key + "\n");
  EXPECT_EQ(Found(), env_file_key);
  options_.key_file = dir_.Write("flag.key", "\n " + flag_key + "\r\n");
  EXPECT_EQ(Found(), flag_key);
}

TEST_F(KeySourceTest, DefaultFileIsForLocalServersOnly) {
  dir_.Write("root.key", NewKey());
  options_.server_is_local = false;
  EXPECT_EQ(Found(), "");
}

TEST_F(KeySourceTest, NamedFileThatIsMissingIsAnError) {
  environment_["CLAVIGER_KEY"] = NewKey();
  options_.key_file = dir_.Path("missing.key");
  const auto key = Find();
  EXPECT_EQ(key.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(key.status().message()), HasSubstr("missing.key"));
}

TEST_F(KeySourceTest, WhatIsNotAKeyIsRefusedAndNotQuoted) {
  std::string typo = NewKey();
  typo.back() = typo.back() == '0' ? '1' : '0';
  for (const std::string& content :
       {std::string("root:x:0:0"), typo, std::string(), std::string(5000, 'a')}) {
    options_.key_file = dir_.Write("flag.key", content);
    const auto key = Find();
    ASSERT_EQ(key.status().code(), absl::StatusCode::kInvalidArgument) << content.size();
    if (!content.empty()) {
      EXPECT_THAT(std::string(key.status().message()), Not(HasSubstr(content)));
    }
  }
}

TEST_F(KeySourceTest, EnvironmentValueThatIsNotAKeyIsRefused) {
  environment_["CLAVIGER_KEY"] = "hunter2";
  const auto key = Find();
  EXPECT_EQ(key.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(key.status().message()), Not(HasSubstr("hunter2")));
}

TEST_F(KeySourceTest, FileThatOthersCanReadIsWarnedAbout) {
  options_.key_file = dir_.Write("open.key", NewKey(), 0644);
  EXPECT_THAT(Find()->warning, HasSubstr("chmod 600"));
  options_.key_file = dir_.Write("closed.key", NewKey(), 0600);
  EXPECT_EQ(Find()->warning, "");
}

TEST_F(KeySourceTest, DashIsStandardInput) {
  const std::string text = NewKey();
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  ASSERT_EQ(write(fds[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  close(fds[1]);
  options_.key_file = "-";
  options_.in_fd = fds[0];
  EXPECT_EQ(Found(), text);
  close(fds[0]);
}

}  // namespace
}  // namespace claviger::cli
