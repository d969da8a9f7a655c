// What is read from the database: every stored message, whatever a disk made of it. The first byte
// of an input says which family it is of.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include "core/status.h"
#include "storage/rocksdb/codec.h"
#include "storage/rocksdb/schema.h"
#include "storage/rocksdb/watermark.h"
#include "tests/fuzz/fuzz.h"

namespace claviger {
namespace {

constexpr Revision kRevision{7};

const KeyId& SomeKey() {
  static const KeyId id = *KeyId::Parse("00AbCdEfGhIjKlMn");
  return id;
}

// What is decoded is written as something that decodes to the same; what is not, is told as damage
// and not as anything else.
template <typename Decode, typename Encode>
void CheckRecord(std::string_view value, const Decode& decode, const Encode& encode) {
  const auto record = decode(value);
  if (!record.ok()) {
    const absl::StatusCode code = record.status().code();
    FUZZ_CHECK(code == absl::StatusCode::kDataLoss ||
               code == absl::StatusCode::kFailedPrecondition);
    FUZZ_CHECK(DetailsOf(record.status()).reason == Reason::kDataCorrupt);
    // The row is named, its content is not: whatever it was, the words are short and plain.
    const absl::string_view message = record.status().message();
    FUZZ_CHECK(absl::StartsWith(message, "row ") && message.size() < 200);
    FUZZ_CHECK(
        std::all_of(message.begin(), message.end(), [](char c) { return c >= ' ' && c <= '~'; }));
    return;
  }
  const std::string written = encode(*record);
  const auto again = decode(written);
  FUZZ_CHECK(again.ok());
  FUZZ_CHECK(encode(*again) == written);
}

void CheckKey(std::string_view value) {
  CheckRecord(
      value, [](std::string_view v) { return DecodeKey(SomeKey(), v); },
      [](const KeyRecord& key) { return EncodeKey(key); });
  const auto key = DecodeKey(SomeKey(), value);
  if (!key.ok()) return;
  // A decision about any key that can be read is one of those that there are.
  const std::string_view wanted[] = {"orders:read"};
  for (const std::string_view project : {std::string_view(), std::string_view(key->project_id)}) {
    const VerifyCode code =
        Decide(SubjectOf(*key), {.project_id = project, .required_scopes = wanted},
               absl::FromUnixSeconds(1893456000));
    FUZZ_CHECK(code >= VerifyCode::kValid && code <= VerifyCode::kQuotaExceeded);
    const bool stopped =
        key->disabled || key->revocation.has_value() || key->delete_time.has_value();
    FUZZ_CHECK(!stopped || code != VerifyCode::kValid);
  }
}

// Rows of the indexes.
void CheckRow(std::string_view row) {
  if (const auto revision = ParseRevisionRow(row); revision.has_value()) {
    FUZZ_CHECK(RevisionRow(*revision) == row);
  }
  if (const auto number = DecodeU32(row); number.has_value()) FUZZ_CHECK(EncodeU32(*number) == row);
  if (const auto id = KeyIdOfRow(row); id.has_value()) FUZZ_CHECK(row.ends_with(id->text()));
  if (const auto hour = HourOfUsageRow(row); hour.has_value()) {
    FUZZ_CHECK(row.ends_with(EncodeU32(*hour)));
  }
}

void CheckWatermark(std::string_view text) {
  const auto watermark = ParseWatermark(text);
  if (watermark.has_value()) FUZZ_CHECK(RenderWatermark(*watermark) == text);
}

}  // namespace
}  // namespace claviger

FUZZ_TARGET(stored_records) {
  using namespace claviger;  // NOLINT(google-build-using-namespace)
  if (input.empty()) return;
  const std::string_view value = input.substr(1);
  switch (input[0]) {
    case 'k':
      return CheckKey(value);
    case 'p':
      return CheckRecord(
          value, [](std::string_view v) { return DecodeProject("orders", v); },
          [](const ProjectRecord& project) { return EncodeProject(project); });
    case 'r':
      return CheckRecord(
          value, [](std::string_view v) { return DecodeRequest("key:00AA/1", v); },
          [](const RequestRecord& request) { return EncodeRequest(request); });
    case 'e':
      return CheckRecord(
          value, [](std::string_view v) { return DecodeEvent(kRevision, v); },
          [](const Event& event) { return EncodeEvent(event); });
    case 'a':
      return CheckRecord(
          value, [](std::string_view v) { return DecodeAuditEntry(kRevision, v); },
          [](const AuditEntry& entry) { return EncodeAuditEntry(entry); });
    case 's':
      return CheckRecord(
          value, [](std::string_view v) { return DecodeState(v); },
          [](const PersistedState& state) { return EncodeState(state); });
    case 'l':
      return CheckRecord(
          value, [](std::string_view v) { return DecodeLongestLease(v); },
          [](absl::Duration lease) { return EncodeLongestLease(lease); });
    case 'u':
      return CheckRecord(
          value, [](std::string_view v) { return DecodeUsage(v); },
          [](const UsageCounts& counts) { return EncodeUsage(counts); });
    case 't':
      return CheckRecord(
          value, [](std::string_view v) { return DecodeLastUse(SomeKey(), v); },
          [](const LastUse& use) { return EncodeLastUse(use); });
    case 'c':
      return CheckRecord(
          value, [](std::string_view v) { return DecodeCanary("p1", v); },
          [](const KeyDigest& digest) { return EncodeCanary(digest); });
    case 'i':
      return CheckRow(value);
    case 'w':
      return CheckWatermark(value);
    default:
      return;
  }
}
