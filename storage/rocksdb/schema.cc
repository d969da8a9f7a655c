#include "storage/rocksdb/schema.h"

#include <concepts>
#include <limits>
#include <variant>

namespace claviger {
namespace {

constexpr size_t kU32Bytes = 4;
constexpr size_t kU64Bytes = 8;

template <std::unsigned_integral T>
void AppendBigEndian(std::string& out, T value) {
  for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(value >> shift));
  }
}

template <std::unsigned_integral T>
T ReadBigEndian(std::string_view bytes) {
  T value = 0;
  for (char byte : bytes.substr(0, sizeof(T))) {
    value = static_cast<T>(value << 8) | static_cast<uint8_t>(byte);
  }
  return value;
}

// Orders as the times do.
uint64_t Ordered(absl::Time time) {
  return static_cast<uint64_t>(absl::ToUnixNanos(time)) ^ (uint64_t{1} << 63);
}

std::string TimeRow(absl::Time time, const KeyId& id) {
  std::string row;
  AppendBigEndian(row, Ordered(time));
  row.append(id.text());
  return row;
}

// Above all rows of `time` and earlier.
std::string TimeRowsEnd(absl::Time time) {
  const uint64_t ordered = Ordered(time);
  // There is no later time: above every row, whose ids are text.
  if (ordered == std::numeric_limits<uint64_t>::max()) return std::string(kU64Bytes + 1, '\xff');
  std::string row;
  AppendBigEndian(row, ordered + 1);
  return row;
}

}  // namespace

std::string EncodeU32(uint32_t value) {
  std::string out;
  AppendBigEndian(out, value);
  return out;
}

std::optional<uint32_t> DecodeU32(std::string_view bytes) {
  if (bytes.size() != kU32Bytes) return std::nullopt;
  return ReadBigEndian<uint32_t>(bytes);
}

std::string RevisionRow(Revision revision) {
  std::string row;
  AppendBigEndian(row, revision.value);
  return row;
}

std::optional<Revision> ParseRevisionRow(std::string_view row) {
  if (row.size() != kU64Bytes) return std::nullopt;
  return Revision{ReadBigEndian<uint64_t>(row)};
}

std::string ProjectRowsBegin(std::string_view project_id) {
  std::string row(project_id);
  row.push_back('\x00');
  return row;
}

std::string ProjectRowsEnd(std::string_view project_id) {
  std::string row(project_id);
  row.push_back('\x01');
  return row;
}

std::string ByProjectRow(std::string_view project_id, const KeyCursor& cursor) {
  return RowByCreateTime(ProjectRowsBegin(project_id), cursor);
}

std::string RowByCreateTime(std::string_view prefix, const KeyCursor& cursor) {
  std::string row;
  row.reserve(prefix.size() + kU64Bytes + kKeyIdLength);
  row.append(prefix);
  AppendBigEndian(row, ~Ordered(cursor.create_time));
  row.append(cursor.id.text());
  return row;
}

std::optional<KeyId> KeyIdOfRow(std::string_view row) {
  if (row.size() < kKeyIdLength) return std::nullopt;
  return KeyId::Parse(row.substr(row.size() - kKeyIdLength));
}

std::string ByExpiryRow(absl::Time expire_time, const KeyId& id) {
  return TimeRow(expire_time, id);
}

// A key is expired from its expire time on, so that time's own rows are included.
std::string ByExpiryRowsEnd(absl::Time now) { return TimeRowsEnd(now); }

std::string ByDeleteRow(absl::Time delete_time, const KeyId& id) {
  return TimeRow(delete_time, id);
}

std::string ByExpiryRowsBegin(absl::Time time) {
  std::string row;
  AppendBigEndian(row, Ordered(time));
  return row;
}

std::string ByDeleteRowsEnd(absl::Time until) { return TimeRowsEnd(until); }

namespace {

// What comes before the hour.
std::string UsageRowsBegin(const UsageSubject& subject) {
  if (const auto* id = std::get_if<KeyId>(&subject)) return "K" + id->ToString();
  std::string row = "P" + std::get<std::string>(subject);
  row.push_back('\x00');
  return row;
}

}  // namespace

std::string UsageRowOf(const UsageSubject& subject, UsageHour hour) {
  std::string row = UsageRowsBegin(subject);
  AppendBigEndian(row, hour);
  return row;
}

std::optional<UsageHour> HourOfUsageRow(std::string_view row) {
  if (row.size() <= kU32Bytes || (row.front() != 'K' && row.front() != 'P')) return std::nullopt;
  return ReadBigEndian<uint32_t>(row.substr(row.size() - kU32Bytes));
}

std::string UsageRowsEnd(const UsageSubject& subject) {
  // Longer than the row of the last hour, and so behind it.
  return UsageRowOf(subject, std::numeric_limits<UsageHour>::max()) + '\x00';
}

}  // namespace claviger
