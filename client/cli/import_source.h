// Rows of keys to import, from a file of one of two kinds.
#ifndef CLAVIGER_CLIENT_CLI_IMPORT_SOURCE_H_
#define CLAVIGER_CLIENT_CLI_IMPORT_SOURCE_H_

#include <claviger/v1/key_import.pb.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace claviger::cli {

// Bytes of a file or of standard input, with the number of the line that they are on.
//
// Thread safety: none.
class ByteSource {
 public:
  static constexpr int kEnd = -1;

  // `fd` outlives this. While nothing comes from it, `stopped` is asked now and then; true ends the
  // source there.
  ByteSource(int fd, std::function<bool()> stopped) : fd_(fd), stopped_(std::move(stopped)) {}

  // The next byte without taking it, and taking it; kEnd at the end.
  int Peek();
  int Get();
  // Of the next byte, from 1.
  uint64_t line() const { return line_; }
  uint64_t taken() const { return taken_; }
  // Why it ended; OK at the end of the file.
  const absl::Status& status() const { return status_; }

 private:
  bool Fill();

  const int fd_;
  const std::function<bool()> stopped_;
  std::string buffer_;
  size_t next_ = 0;
  uint64_t line_ = 1;
  uint64_t taken_ = 0;
  bool ended_ = false;
  absl::Status status_;
};

// A record of comma-separated values (RFC 4180): fields in quotes may hold commas, line ends and
// doubled quotes; lines end in LF or CRLF. nullopt at the end. INVALID_ARGUMENT naming the line for
// what is not that form, or has more than 64 fields or 64 KiB.
absl::StatusOr<std::optional<std::vector<std::string>>> ReadCsvRecord(ByteSource& source);

// A row of the file, or what is wrong with it.
struct ImportSourceRow {
  uint64_t line = 0;  // where it begins
  absl::StatusOr<v1::ImportedKey> key;
};

// Thread safety: none.
class ImportSource {
 public:
  virtual ~ImportSource() = default;
  // nullopt at the end. An error ends the file: what comes behind cannot be read.
  virtual absl::StatusOr<std::optional<ImportSourceRow>> Next() = 0;
};

// Reads the header row of comma-separated values. INVALID_ARGUMENT for a column that is not known,
// or comes twice, or is missing. `bytes` outlives the source.
absl::StatusOr<std::unique_ptr<ImportSource>> OpenCsv(ByteSource& bytes);
// A JSON object on each line.
std::unique_ptr<ImportSource> OpenJsonLines(ByteSource& bytes);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_IMPORT_SOURCE_H_
