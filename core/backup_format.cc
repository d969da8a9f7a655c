#include "core/backup_format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <optional>
#include <utility>

#include "core/status.h"
#include "fmt/format.h"

namespace claviger {
namespace {

constexpr std::string_view kMagic = "claviger-backup ";
constexpr char kTimeFormat[] = "%Y-%m-%d%ET%H:%M:%E9SZ";
constexpr size_t kHashBytes = Sha256Bytes().size();
constexpr size_t kMaxVersionBytes = 64;
constexpr size_t kMaxPepperIdBytes = 32;
constexpr size_t kMaxNumberDigits = 20;

bool IsDigits(std::string_view text) {
  return !text.empty() && text.size() <= kMaxNumberDigits &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool IsLetterOrDigit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool IsVersion(std::string_view text) {
  return !text.empty() && text.size() <= kMaxVersionBytes &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return IsLetterOrDigit(c) || c == '.' || c == '+' || c == '-'; });
}

bool IsPepperId(std::string_view text) {
  return !text.empty() && text.size() <= kMaxPepperIdBytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-';
         });
}

template <typename Number>
bool ParseNumber(std::string_view text, Number& number) {
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stopped == end;
}

std::optional<Epoch> ParseEpoch(std::string_view hex) {
  Epoch epoch;
  if (hex.size() != 2 * epoch.bytes.size()) return std::nullopt;
  for (size_t i = 0; i < epoch.bytes.size(); ++i) {
    const std::string_view pair = hex.substr(2 * i, 2);
    const auto [end, error] = std::from_chars(pair.data(), pair.data() + 2, epoch.bytes[i], 16);
    if (error != std::errc() || end != pair.data() + 2) return std::nullopt;
  }
  return epoch;
}

// Takes `name SP value LF` off the front of `text`; nullopt: something else stands there.
std::optional<std::string_view> TakeLine(std::string_view name, std::string_view& text) {
  if (!text.starts_with(name)) return std::nullopt;
  const std::string_view rest = text.substr(name.size());
  const size_t end = rest.find('\n');
  if (!rest.starts_with(' ') || end == std::string_view::npos) return std::nullopt;
  text = rest.substr(end + 1);
  return rest.substr(1, end - 1);
}

// `word SP number`.
bool ParsePair(std::string_view line, std::string& word, uint64_t& number) {
  const size_t space = line.find(' ');
  if (space == std::string_view::npos) return false;
  word = line.substr(0, space);
  return ParseNumber(line.substr(space + 1), number);
}

// What can be read of `text`, behind the first line. Anything that is not exactly what is written
// is found by writing it again.
std::optional<BackupHeader> ReadLines(std::string_view text) {
  BackupHeader header;
  const auto version = TakeLine("version", text);
  const auto created = TakeLine("created", text);
  const auto epoch = TakeLine("epoch", text);
  const auto head = TakeLine("head", text);
  const auto schema = TakeLine("schema", text);
  const auto keys = TakeLine("keys", text);
  if (!version || !created || !epoch || !head || !schema || !keys) return std::nullopt;

  header.claviger_version = *version;
  std::string error;
  const std::optional<Epoch> parsed_epoch = ParseEpoch(*epoch);
  const std::optional<AuditHead> parsed_head = AuditHead::Parse(*head);
  if (!IsVersion(*version) || !parsed_epoch || !parsed_head ||
      !absl::ParseTime(absl::RFC3339_full, std::string(*created), &header.create_time, &error) ||
      header.create_time == absl::InfiniteFuture() || header.create_time == absl::InfinitePast() ||
      !ParseNumber(*schema, header.schema_version) || !ParseNumber(*keys, header.keys)) {
    return std::nullopt;
  }
  header.epoch = *parsed_epoch;
  header.head = *parsed_head;
  while (const auto line = TakeLine("pepper", text)) {
    std::string id;
    uint64_t needed_by = 0;
    if (!ParsePair(*line, id, needed_by) || !IsPepperId(id)) return std::nullopt;
    header.peppers[id] = needed_by;
  }
  while (const auto line = TakeLine("file", text)) {
    BackupFile file;
    if (header.files.size() == kMaxBackupFiles || !ParsePair(*line, file.name, file.bytes) ||
        !IsBackupFileName(file.name) || file.bytes > kMaxBackupFileBytes ||
        (!header.files.empty() && header.files.back().name >= file.name)) {
      return std::nullopt;
    }
    header.files.push_back(std::move(file));
  }
  return header;
}

absl::Status Damaged(std::string message) {
  return ErrorBuilder(absl::StatusCode::kDataLoss, Reason::kDataCorrupt).Build(std::move(message));
}

}  // namespace

bool IsBackupFileName(std::string_view name) {
  if (name == "CURRENT") return true;
  for (const std::string_view prefix : {"MANIFEST-", "OPTIONS-"}) {
    if (name.starts_with(prefix)) return IsDigits(name.substr(prefix.size()));
  }
  for (const std::string_view suffix : {".sst", ".log"}) {
    if (name.ends_with(suffix)) return IsDigits(name.substr(0, name.size() - suffix.size()));
  }
  return false;
}

uint64_t BackupHeader::TotalBytes() const {
  uint64_t bytes = RenderBackupHeader(*this).size() + kBackupEnd.size() + kHashBytes;
  for (const BackupFile& file : files) bytes += file.bytes + kHashBytes;
  return bytes;
}

std::string RenderBackupHeader(const BackupHeader& header) {
  std::string text(kBackupBegin);
  const auto out = std::back_inserter(text);
  fmt::format_to(out, "version {}\ncreated {}\nepoch {}\nhead {}\nschema {}\nkeys {}\n",
                 header.claviger_version,
                 absl::FormatTime(kTimeFormat, header.create_time, absl::UTCTimeZone()),
                 header.epoch.ToHex(), header.head.ToString(), header.schema_version, header.keys);
  for (const auto& [id, keys] : header.peppers) fmt::format_to(out, "pepper {} {}\n", id, keys);
  for (const BackupFile& file : header.files) {
    fmt::format_to(out, "file {} {}\n", file.name, file.bytes);
  }
  text += '\n';
  return text;
}

absl::StatusOr<BackupHeader> ParseBackupHeader(std::string_view text) {
  if (!text.starts_with(kMagic)) {
    return absl::InvalidArgumentError("it is not a backup made by `claviger backup`");
  }
  if (!text.starts_with(kBackupBegin)) {
    return absl::FailedPreconditionError(
        "it is a backup in a form that this version does not know: use the version that made it, "
        "or a newer one");
  }
  std::optional<BackupHeader> header = ReadLines(text.substr(kBackupBegin.size()));
  if (!header.has_value() || RenderBackupHeader(*header) != text) {
    return Damaged("the backup is damaged: its header is not what was written");
  }
  return *std::move(header);
}

std::string BackupEncoder::Begin(const BackupHeader& header) {
  std::string text = RenderBackupHeader(header);
  whole_.Add(text);
  return text;
}

void BackupEncoder::Add(std::string_view bytes) {
  file_.Add(bytes);
  whole_.Add(bytes);
}

std::string BackupEncoder::EndFile() {
  std::string hash(AsBytes(file_.Finish()));
  whole_.Add(hash);
  return hash;
}

std::string BackupEncoder::End() {
  std::string end(kBackupEnd);
  whole_.Add(end);
  end += AsBytes(whole_.Finish());
  return end;
}

}  // namespace claviger
