#include "storage/rocksdb/index_rows.h"

#include <algorithm>
#include <utility>

namespace claviger {
namespace {

std::string LabelText(std::string_view name, std::string_view value) {
  std::string text(name);
  text.push_back('=');
  text.append(value);
  return text;
}

// What the rows of `value` (an owner, a label) in a project begin with.
std::string Prefix(std::string_view project_id, std::string_view value) {
  std::string prefix = ProjectRowsBegin(project_id);
  prefix.append(value);
  prefix.push_back('\x00');
  return prefix;
}

}  // namespace

std::vector<IndexRow> IndexRowsOf(const KeyRecord& key) {
  const KeyCursor place{key.create_time, key.id};
  std::vector<IndexRow> rows;
  rows.reserve(4 + 2 * key.labels.size());
  for (const std::string_view project_id : {std::string_view(), std::string_view(key.project_id)}) {
    rows.push_back({Family::kByProject, ByProjectRow(project_id, place)});
    if (!key.owner.empty()) {
      rows.push_back({Family::kByOwner, RowByCreateTime(Prefix(project_id, key.owner), place)});
    }
    for (const auto& [name, value] : key.labels) {
      rows.push_back(
          {Family::kByLabel, RowByCreateTime(Prefix(project_id, LabelText(name, value)), place)});
    }
  }
  if (key.delete_time) rows.push_back({Family::kByDelete, ByDeleteRow(*key.delete_time, key.id)});
  std::sort(rows.begin(), rows.end());
  return rows;
}

bool HaveSameIndexRows(const KeyRecord& a, const KeyRecord& b) {
  return a.owner == b.owner && a.labels == b.labels && a.delete_time == b.delete_time;
}

std::optional<std::string> ExpiryRowOf(const KeyRecord& key) {
  if (!key.expire_time) return std::nullopt;
  return ByExpiryRow(*key.expire_time, key.id);
}

std::string_view ExpiryValueOf(const KeyRecord& key) {
  if (key.revocation || key.delete_time) return kExpiryRevoked;
  return key.disabled ? kExpiryDisabled : kExpiryEnabled;
}

IndexRange RangeOf(const KeyScan& scan) {
  IndexRange range;
  if (scan.owner.has_value()) {
    range.family = Family::kByOwner;
    range.begin = Prefix(scan.project_id, *scan.owner);
  } else if (scan.label.has_value()) {
    range.family = Family::kByLabel;
    range.begin = Prefix(scan.project_id, LabelText(scan.label->first, scan.label->second));
  } else {
    range.begin = ProjectRowsBegin(scan.project_id);
  }
  // Each ends in NUL, and nothing else does at that length.
  range.end = range.begin;
  range.end.back() = '\x01';
  return range;
}

}  // namespace claviger
