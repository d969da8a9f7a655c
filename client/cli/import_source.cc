#include "client/cli/import_source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "client/cli/import_row.h"

namespace claviger::cli {
namespace {

constexpr size_t kBufferBytes = 64 << 10;
constexpr size_t kMaxRecordBytes = 64 << 10;
constexpr size_t kMaxFields = 64;
constexpr int kStopLookMillis = 100;

absl::Status BadLine(uint64_t line, std::string_view what) {
  return absl::InvalidArgumentError(fmt::format("line {}: {}", line, what));
}

// Whether a line ends here, which is then taken.
bool TakeLineEnd(ByteSource& source) {
  if (source.Peek() == '\r') source.Get();
  if (source.Peek() != '\n' && source.Peek() != ByteSource::kEnd) return false;
  source.Get();
  return true;
}

class CsvSource final : public ImportSource {
 public:
  CsvSource(ByteSource& bytes, std::vector<std::string> columns)
      : bytes_(bytes), columns_(std::move(columns)) {}

  absl::StatusOr<std::optional<ImportSourceRow>> Next() override {
    while (true) {
      ImportSourceRow row{.line = bytes_.line(), .key = v1::ImportedKey()};
      const absl::StatusOr<std::optional<std::vector<std::string>>> record = ReadCsvRecord(bytes_);
      if (!record.ok()) return record.status();
      if (!record->has_value()) return std::nullopt;
      const std::vector<std::string>& fields = **record;
      if (fields.size() == 1 && fields.front().empty()) continue;  // an empty line
      if (fields.size() == columns_.size()) {
        row.key = RowFromFields(columns_, fields);
      } else {
        row.key = absl::InvalidArgumentError(
            fmt::format("has {} fields, and the header has {}", fields.size(), columns_.size()));
      }
      return row;
    }
  }

 private:
  ByteSource& bytes_;
  const std::vector<std::string> columns_;
};

class JsonSource final : public ImportSource {
 public:
  explicit JsonSource(ByteSource& bytes) : bytes_(bytes) {}

  absl::StatusOr<std::optional<ImportSourceRow>> Next() override {
    while (bytes_.Peek() != ByteSource::kEnd) {
      ImportSourceRow row{.line = bytes_.line(), .key = v1::ImportedKey()};
      std::string text;
      while (!TakeLineEnd(bytes_)) {
        text += static_cast<char>(bytes_.Get());
        if (text.size() > kMaxRecordBytes) return BadLine(row.line, "is longer than 64 KiB");
      }
      if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
      row.key = RowFromJson(text);
      return row;
    }
    if (!bytes_.status().ok()) return bytes_.status();
    return std::nullopt;
  }

 private:
  ByteSource& bytes_;
};

}  // namespace

bool ByteSource::Fill() {
  next_ = 0;
  buffer_.clear();
  while (!ended_) {
    pollfd ready{.fd = fd_, .events = POLLIN, .revents = 0};
    const int events = poll(&ready, 1, kStopLookMillis);
    if (stopped_()) break;
    if (events == 0 || (events < 0 && errno == EINTR)) continue;
    buffer_.resize(kBufferBytes);
    const ssize_t count = read(fd_, buffer_.data(), buffer_.size());
    buffer_.resize(count > 0 ? static_cast<size_t>(count) : 0);
    if (count > 0) return true;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) status_ = absl::ErrnoToStatus(errno, "cannot read the rows");
    break;
  }
  ended_ = true;
  return false;
}

int ByteSource::Peek() {
  if (next_ == buffer_.size() && !Fill()) return kEnd;
  return static_cast<unsigned char>(buffer_[next_]);
}

int ByteSource::Get() {
  const int byte = Peek();
  if (byte == kEnd) return byte;
  ++next_;
  ++taken_;
  if (byte == '\n') ++line_;
  return byte;
}

absl::StatusOr<std::optional<std::vector<std::string>>> ReadCsvRecord(ByteSource& source) {
  if (source.Peek() == ByteSource::kEnd) {
    if (!source.status().ok()) return source.status();
    return std::nullopt;
  }
  const uint64_t line = source.line();
  std::vector<std::string> fields(1);
  size_t bytes = 0;
  const auto add = [&](int byte) {
    fields.back() += static_cast<char>(byte);
    return ++bytes <= kMaxRecordBytes;
  };
  while (true) {
    bool fits = true;
    if (source.Peek() == '"') {
      source.Get();
      while (fits && (source.Peek() != '"' || (source.Get(), source.Peek() == '"'))) {
        if (source.Peek() == ByteSource::kEnd) return BadLine(line, "a quote is never closed");
        fits = add(source.Get());
      }
    } else {
      while (fits && source.Peek() != ',' && source.Peek() != '\r' && source.Peek() != '\n' &&
             source.Peek() != ByteSource::kEnd) {
        if (source.Peek() == '"') return BadLine(source.line(), "a quote inside an unquoted field");
        fits = add(source.Get());
      }
    }
    if (!fits) return BadLine(line, "is longer than 64 KiB");
    if (source.Peek() == ',') {
      source.Get();
      fields.emplace_back();
      if (fields.size() > kMaxFields) return BadLine(line, "has more than 64 fields");
    } else if (TakeLineEnd(source)) {
      if (!source.status().ok()) return source.status();
      return fields;
    } else {
      return BadLine(source.line(), "text behind the closing quote of a field");
    }
  }
}

absl::StatusOr<std::unique_ptr<ImportSource>> OpenCsv(ByteSource& bytes) {
  // What some spreadsheets put in front of UTF-8.
  for (const int mark : {0xEF, 0xBB, 0xBF}) {
    if (bytes.Peek() == mark) bytes.Get();
  }
  absl::StatusOr<std::optional<std::vector<std::string>>> header = ReadCsvRecord(bytes);
  if (!header.ok()) return header.status();
  if (!header->has_value()) return absl::InvalidArgumentError("the file is empty");
  std::vector<std::string>& columns = **header;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (!IsImportColumn(columns[i])) {
      return absl::InvalidArgumentError(fmt::format("line 1: there is no column '{}'; there are {}",
                                                    columns[i], fmt::join(ImportColumns(), ", ")));
    }
    if (std::find(columns.begin(), columns.begin() + static_cast<std::ptrdiff_t>(i), columns[i]) !=
        columns.begin() + static_cast<std::ptrdiff_t>(i)) {
      return absl::InvalidArgumentError(
          fmt::format("line 1: the column {} comes twice", columns[i]));
    }
  }
  const auto has = [&columns](std::string_view name) {
    return std::find(columns.begin(), columns.end(), name) != columns.end();
  };
  if (!has("name") || !(has("sha256") || has("sha512"))) {
    return absl::InvalidArgumentError(
        "line 1: must be a header row with the column name and sha256 or sha512");
  }
  return std::make_unique<CsvSource>(bytes, std::move(columns));
}

std::unique_ptr<ImportSource> OpenJsonLines(ByteSource& bytes) {
  return std::make_unique<JsonSource>(bytes);
}

}  // namespace claviger::cli
