// Records with every field set, and records by chance.
#ifndef CLAVIGER_TESTS_UNIT_STORAGE_FULL_RECORDS_H_
#define CLAVIGER_TESTS_UNIT_STORAGE_FULL_RECORDS_H_

#include <cstdint>
#include <random>
#include <string>

#include "core/audit_entry.h"
#include "storage/changes.h"
#include "tests/support/store_testing.h"

namespace claviger {

// Of revision 7. Every field differs from its default, save the refusal, which only entries of
// refused calls have, and the hash of the one before.
inline AuditEntry FullAuditEntry() {
  return {.revision = Revision{7},
          .time = absl::FromUnixNanos(1893456000000000001),
          .draft = {.actor = "key:00AA",
                    .peer = "10.0.0.1",
                    .action = "RevokeKey",
                    .project_id = "a",
                    .key_id = "00BB",
                    .detail = "reason COMPROMISED",
                    .refusal = ""},
          .previous_hash = {}};
}

// Every field differs from its default.
inline KeyRecord FullKey() {
  KeyRecord key = TestKey(1, "visibility", absl::FromUnixNanos(1893456000123456789));
  key.description = "what it is for";
  key.environment = Environment::kTest;
  key.prefix = "vis";
  key.masked_key = "vis_test…Ab3X";
  for (size_t i = 0; i < key.digest.bytes.size(); ++i) {
    key.digest.bytes[i] = static_cast<uint8_t>(i);
  }
  key.pepper_id = "pepper-2";
  key.scopes = ScopeSet::FromTrusted({"actions:write", "visibility:*"});
  key.allowed_cidrs = {*Cidr::Parse("10.0.0.0/8"), *Cidr::Parse("2001:db8::/32")};
  key.bound_project_ids = {"a", "b"};
  key.owner = "customer 7";
  key.labels = {{"team", "blue"}, {"tier", ""}};
  key.metadata = std::string("\x0a\x00\xff", 3);
  key.created_by = "cert:\xff not UTF-8";
  key.update_time = key.create_time + absl::Nanoseconds(1);
  key.expire_time = key.create_time + absl::Hours(24 * 365 * 100);
  key.disabled = true;
  key.revocation = Revocation{
      .time = key.update_time, .reason = RevokeReason::kCompromised, .note = "seen in a log"};
  key.rotated_from = TestKeyId(2);
  key.rotated_to = TestKeyId(3);
  key.rotate_time = key.update_time + absl::Nanoseconds(2);
  key.pending_grace = absl::Hours(24 * 30);
  key.imported = ImportAlgorithm::kSha512;
  key.delete_time = key.update_time + absl::Seconds(1);
  key.revision = Revision{~uint64_t{0}};
  return key;
}

// A key in which each field is set by chance, from all values that it can have.
class RandomKeys {
 public:
  explicit RandomKeys(uint32_t seed) : generator_(seed) {}

  KeyRecord Next() {
    KeyRecord key = TestKey(static_cast<int>(Below(1'000'000)), Bytes(), Time());
    key.display_name = Bytes();
    key.description = Bytes();
    key.environment = Coin() ? Environment::kLive : Environment::kTest;
    key.prefix = Bytes();
    key.masked_key = Bytes();
    for (uint8_t& byte : key.digest.bytes) byte = static_cast<uint8_t>(generator_());
    key.pepper_id = Bytes();
    std::vector<std::string> scopes(Below(5));
    for (std::string& scope : scopes) scope = Bytes();
    key.scopes = ScopeSet::FromTrusted(scopes);
    for (uint32_t i = Below(3); i > 0; --i) {
      key.allowed_cidrs.push_back(
          *Cidr::Parse(Coin() ? fmt::format("{}.{}.0.0/16", Below(256), Below(256))
                              : fmt::format("2001:{:x}::/{}", 1 + Below(65535), 32 + Below(97))));
    }
    for (uint32_t i = Below(3); i > 0; --i) key.bound_project_ids.push_back(Bytes());
    key.owner = Bytes();
    for (uint32_t i = Below(4); i > 0; --i) key.labels[Bytes()] = Bytes();
    key.metadata = Bytes();
    key.created_by = Bytes();
    key.update_time = Time();
    if (Coin()) key.expire_time = Time();
    key.disabled = Coin();
    if (Coin()) {
      key.revocation = Revocation{
          .time = Time(), .reason = static_cast<RevokeReason>(Below(7)), .note = Bytes()};
    }
    if (Coin()) key.rotated_from = TestKeyId(static_cast<int>(Below(1000)));
    if (Coin()) key.rotated_to = TestKeyId(static_cast<int>(Below(1000)));
    if (Coin()) key.rotate_time = Time();
    if (Coin()) key.pending_grace = absl::Seconds(Below(3600));
    if (Coin()) key.delete_time = Time();
    if (Coin()) {
      key.imported = Coin() ? ImportAlgorithm::kSha256 : ImportAlgorithm::kSha512;
    }
    key.revision = Revision{(uint64_t{generator_()} << 32) | generator_()};
    return key;
  }

 private:
  uint32_t Below(uint32_t bound) { return static_cast<uint32_t>(generator_()) % bound; }
  bool Coin() { return Below(2) == 0; }
  std::string Bytes() {
    std::string bytes(Below(40), '\0');
    for (char& byte : bytes) byte = static_cast<char>(generator_());
    return bytes;
  }
  absl::Time Time() {
    return absl::FromUnixNanos(static_cast<int64_t>((uint64_t{generator_() & 0x7fffffff} << 32) |
                                                    static_cast<uint32_t>(generator_())));
  }

  std::mt19937 generator_;
};

// Whether two keys are equal in every field.
inline bool SameKey(const KeyRecord& a, const KeyRecord& b) {
  return a.id == b.id && a.project_id == b.project_id && a.display_name == b.display_name &&
         a.description == b.description && a.environment == b.environment && a.prefix == b.prefix &&
         a.masked_key == b.masked_key && a.digest.bytes == b.digest.bytes &&
         a.pepper_id == b.pepper_id && a.scopes == b.scopes && a.allowed_cidrs == b.allowed_cidrs &&
         a.bound_project_ids == b.bound_project_ids && a.owner == b.owner && a.labels == b.labels &&
         a.metadata == b.metadata && a.create_time == b.create_time &&
         a.created_by == b.created_by && a.update_time == b.update_time &&
         a.expire_time == b.expire_time && a.disabled == b.disabled &&
         a.revocation == b.revocation && a.rotated_from == b.rotated_from &&
         a.rotated_to == b.rotated_to && a.rotate_time == b.rotate_time &&
         a.pending_grace == b.pending_grace && a.imported == b.imported &&
         a.delete_time == b.delete_time && a.revision == b.revision;
}

inline ProjectRecord FullProject() {
  ProjectRecord project = TestProject("visibility");
  project.key_prefix = "vis";
  project.scope_catalog = ScopeSet::FromTrusted({"actions:write", "visibility:read"});
  project.policy = {.max_key_ttl = absl::Hours(24 * 365),
                    .default_key_ttl = absl::ZeroDuration(),
                    .require_expiry = true,
                    .allowed_cidrs_required = true};
  project.update_time += absl::Nanoseconds(7);
  project.delete_time = project.update_time + absl::Nanoseconds(1);
  project.revision = Revision{12};
  return project;
}

inline bool SameProject(const ProjectRecord& a, const ProjectRecord& b) {
  return a.project_id == b.project_id && a.display_name == b.display_name &&
         a.key_prefix == b.key_prefix && a.scope_catalog == b.scope_catalog &&
         a.policy == b.policy && a.create_time == b.create_time && a.update_time == b.update_time &&
         a.delete_time == b.delete_time && a.revision == b.revision;
}

inline RequestRecord FullRequest() {
  RequestRecord request;
  request.id = "key:00AA/5b0c";
  for (size_t i = 0; i < request.arguments_hash.size(); ++i) {
    request.arguments_hash[i] = static_cast<uint8_t>(255 - i);
  }
  request.key_id = TestKeyId(4);
  request.pepper_id = "p1";
  request.sealed_secret = std::string("\x00\x01\xfe", 3);
  request.expire_time = absl::FromUnixNanos(1893456600000000001);
  return request;
}

inline bool SameRequest(const RequestRecord& a, const RequestRecord& b) {
  return a.id == b.id && a.arguments_hash == b.arguments_hash && a.key_id == b.key_id &&
         a.pepper_id == b.pepper_id && a.sealed_secret == b.sealed_secret &&
         a.expire_time == b.expire_time;
}

}  // namespace claviger

#endif  // CLAVIGER_TESTS_UNIT_STORAGE_FULL_RECORDS_H_
