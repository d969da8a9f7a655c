// Rows of keys to import. The first byte of an input is `c` for comma-separated values and `j` for
// lines of JSON.
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "client/cli/import_source.h"
#include "core/file_descriptor.h"
#include "core/text.h"
#include "tests/fuzz/fuzz.h"

namespace claviger::cli {
namespace {

void CheckRows(bool csv, std::string_view text) {
  const FileDescriptor file(memfd_create("rows", MFD_CLOEXEC));
  FUZZ_CHECK(file.get() >= 0);
  FUZZ_CHECK(write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  FUZZ_CHECK(lseek(file.get(), 0, SEEK_SET) == 0);
  ByteSource bytes(file.get(), [] { return false; });
  std::unique_ptr<ImportSource> source;
  if (csv) {
    auto opened = OpenCsv(bytes);
    if (!opened.ok()) {
      FUZZ_CHECK(!opened.status().message().empty());
      return;
    }
    source = *std::move(opened);
  } else {
    source = OpenJsonLines(bytes);
  }
  uint64_t line = 0;
  while (true) {
    const auto row = source->Next();
    if (!row.ok() || !row->has_value()) break;
    // Rows come in the order of the file, each from a line of its own.
    FUZZ_CHECK((*row)->line > line);
    line = (*row)->line;
    if (!(*row)->key.ok()) {
      FUZZ_CHECK(!(*row)->key.status().message().empty());
      continue;
    }
    // What goes to the server can go over the wire, and says the same there.
    const v1::ImportedKey& key = *(*row)->key;
    const std::string wire = key.SerializeAsString();
    v1::ImportedKey again;
    FUZZ_CHECK(again.ParseFromString(wire));
    FUZZ_CHECK(again.SerializeAsString().size() == wire.size());
  }
  FUZZ_CHECK(bytes.taken() <= text.size());
}

}  // namespace
}  // namespace claviger::cli

FUZZ_TARGET(import_rows) {
  if (input.empty() || (input[0] != 'c' && input[0] != 'j')) return;
  claviger::cli::CheckRows(input[0] == 'c', input.substr(1));
}
