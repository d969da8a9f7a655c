// make_backup DATA FILE: a backup of a store whose server is stopped.
#include "tests/support/make_backup.h"

#include <cstdio>
#include <string>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: make_backup DATA FILE\n", stderr);
    return 2;
  }
  const absl::Status made = claviger::MakeBackup(argv[1], argv[2]);
  if (made.ok()) return 0;
  std::fprintf(stderr, "make_backup: %s\n", std::string(made.message()).c_str());
  return 1;
}
