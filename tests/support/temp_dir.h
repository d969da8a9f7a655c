// A folder of its own for a test.
#ifndef CLAVIGER_TESTS_SUPPORT_TEMP_DIR_H_
#define CLAVIGER_TESTS_SUPPORT_TEMP_DIR_H_

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

#include "gtest/gtest.h"

namespace claviger {

// Made when constructed, removed with all in it when destroyed.
class TempDir {
 public:
  TempDir() : path_(testing::TempDir() + "/claviger-XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) ADD_FAILURE() << "cannot make a folder like " << path_;
  }
  ~TempDir() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
    EXPECT_FALSE(error) << error.message();
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string Join(const std::string& name) const { return path_ + "/" + name; }
  // Writes a file of that mode, replacing what is there; returns its path.
  std::string Write(const std::string& name, std::string_view bytes, unsigned mode = 0600) const {
    const std::string file = Join(name);
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
    std::filesystem::permissions(file, static_cast<std::filesystem::perms>(mode));
    return file;
  }

 private:
  std::string path_;
};

}  // namespace claviger

#endif  // CLAVIGER_TESTS_SUPPORT_TEMP_DIR_H_
