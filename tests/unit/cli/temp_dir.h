// A directory that lives as long as a test.
#ifndef CLAVIGER_TESTS_UNIT_CLI_TEMP_DIR_H_
#define CLAVIGER_TESTS_UNIT_CLI_TEMP_DIR_H_

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace claviger::cli {

class TempDir {
 public:
  TempDir() : path_(::testing::TempDir() + "claviger_cli_XXXXXX") {
    EXPECT_NE(mkdtemp(path_.data()), nullptr);
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  std::string Path(const std::string& name) const { return path_ + "/" + name; }

  // Writes a file with `mode` and returns its path.
  std::string Write(const std::string& name, const std::string& content, mode_t mode = 0600) const {
    const std::string path = Path(name);
    std::ofstream(path, std::ios::binary) << content;
    chmod(path.c_str(), mode);
    return path;
  }

 private:
  std::string path_;
};

}  // namespace claviger::cli

#endif  // CLAVIGER_TESTS_UNIT_CLI_TEMP_DIR_H_
