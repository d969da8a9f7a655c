#include "client/cli/backup_view.h"

#include <fmt/format.h>

#include "client/cli/byte_text.h"
#include "client/cli/time_text.h"

namespace claviger::cli {

v1::BackupHeader ToProto(const BackupHeader& header) {
  v1::BackupHeader out;
  out.set_revision(header.head.revision.value);
  out.set_audit_hash(std::string(AsBytes(header.head.hash)));
  out.set_epoch(header.epoch.ToHex());
  out.set_schema_version(header.schema_version);
  out.set_size_bytes(header.TotalBytes());
  out.set_key_count(header.keys);
  out.mutable_keys_by_pepper()->insert(header.peppers.begin(), header.peppers.end());
  *out.mutable_create_time() = ToProto(header.create_time);
  out.set_server_version(header.claviger_version);
  return out;
}

FieldList BackupFields(const BackupHeader& header, const std::string& file, absl::Time now) {
  FieldList fields;
  fields.Add("file", file);
  fields.Add("made", fmt::format("{} ({})", FormatRfc3339(header.create_time),
                                 FormatRelative(header.create_time, now)));
  fields.Add("revision", fmt::to_string(header.head.revision.value));
  fields.Add("epoch", header.epoch.ToHex());
  // What `claviger audit verify` compares an export with.
  fields.Add("head", header.head.ToString());
  fields.Add("keys", fmt::to_string(header.keys));
  std::string peppers;
  for (const auto& [id, keys] : header.peppers) {
    peppers += fmt::format("{}{} ({} keys need it)", peppers.empty() ? "" : ", ", id, keys);
  }
  fields.Add("peppers", peppers);
  fields.Add("size", FormatBytes(header.TotalBytes()));
  fields.Add("server", header.claviger_version);
  return fields;
}

}  // namespace claviger::cli
