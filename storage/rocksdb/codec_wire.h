// The envelope and the small values that all persisted messages share. For codec*.cc only.
#ifndef CLAVIGER_STORAGE_ROCKSDB_CODEC_WIRE_H_
#define CLAVIGER_STORAGE_ROCKSDB_CODEC_WIRE_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "core/digest.h"
#include "core/key_format.h"
#include "google/protobuf/message.h"

namespace claviger::wire {

// `kRecordVersion` and the message.
std::string Wrap(const google::protobuf::Message& message);
// Fills `message`. `row` names the row in errors, e.g. "keys/00Yx…".
absl::Status Unwrap(std::string_view row, std::string_view value,
                    google::protobuf::Message& message);

// DATA_LOSS `DATA_CORRUPT`: `field` of `row` cannot be what was written.
absl::Status Damaged(std::string_view row, std::string_view field);

inline int64_t FromTime(absl::Time time) { return absl::ToUnixNanos(time); }
inline absl::Time ToTime(int64_t nanos) { return absl::FromUnixNanos(nanos); }

inline std::string FromBytes32(const Sha256Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
// False unless `text` has 32 bytes.
inline bool ToBytes32(std::string_view text, Sha256Bytes& bytes) {
  if (text.size() != bytes.size()) return false;
  std::copy(text.begin(), text.end(), bytes.begin());
  return true;
}

// Empty text is no id. False when `text` is neither empty nor an id.
inline bool ToOptionalKeyId(std::string_view text, std::optional<KeyId>& id) {
  id = KeyId::Parse(text);
  return text.empty() || id.has_value();
}

}  // namespace claviger::wire

#endif  // CLAVIGER_STORAGE_ROCKSDB_CODEC_WIRE_H_
