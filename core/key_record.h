// Keys and projects as the authority holds them. Plain data: the rules are in lifecycle.h and
// decision.h, the persisted form is storage/'s, the public form is server/rpc/'s.
#ifndef CLAVIGER_CORE_KEY_RECORD_H_
#define CLAVIGER_CORE_KEY_RECORD_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "core/cidr.h"
#include "core/digest.h"
#include "core/key_format.h"
#include "core/revision.h"
#include "core/scope.h"

namespace claviger {

// The project whose keys are the callers of this authority; its scopes are the permissions.
inline constexpr std::string_view kManagementProject = "claviger";
// Exists from the start.
inline constexpr std::string_view kDefaultProject = "default";

enum class RevokeReason : unsigned char {
  kUnspecified = 0,
  kCompromised = 1,
  kSuperseded = 2,
  kOwnerLeft = 3,
  kUnused = 4,
  kPolicy = 5,
  kOther = 6,
};

// Set when a key was revoked; never unset.
struct Revocation {
  absl::Time time;
  RevokeReason reason = RevokeReason::kUnspecified;
  std::string note;

  friend bool operator==(const Revocation&, const Revocation&) = default;
};

// A key without its secret.
struct KeyRecord {
  KeyId id;
  std::string project_id;
  std::string display_name;
  std::string description;
  Environment environment = Environment::kLive;
  std::string prefix;  // of the project at the time of issue
  std::string masked_key;
  KeyDigest digest;
  std::string pepper_id;  // the pepper that `digest` was made with
  ScopeSet scopes;
  std::vector<Cidr> allowed_cidrs;
  std::vector<std::string> bound_project_ids;  // management keys only; sorted; empty: all projects
  std::string owner;
  std::map<std::string, std::string> labels;
  std::string metadata;  // a serialized google.protobuf.Struct, opaque here; empty: none
  absl::Time create_time;
  std::string created_by;
  absl::Time update_time;
  std::optional<absl::Time> expire_time;
  bool disabled = false;
  std::optional<Revocation> revocation;
  std::optional<KeyId> rotated_from;
  std::optional<KeyId> rotated_to;
  std::optional<absl::Time> rotate_time;  // when `rotated_to` took its place
  // The grace that begins with the first use of `rotated_to`; unset: none is waiting.
  std::optional<absl::Duration> pending_grace;
  std::optional<absl::Time> delete_time;
  std::optional<ImportAlgorithm> imported;  // unset: issued here
  Revision revision;                        // of the last change; set by the store
};

// Rules for a project's keys. Unset: no such rule.
struct ProjectPolicy {
  std::optional<absl::Duration> max_key_ttl;
  std::optional<absl::Duration> default_key_ttl;
  bool require_expiry = false;
  bool allowed_cidrs_required = false;

  friend bool operator==(const ProjectPolicy&, const ProjectPolicy&) = default;
};

struct ProjectRecord {
  std::string project_id;
  std::string display_name;
  std::string key_prefix = std::string(kDefaultKeyPrefix);
  ScopeSet scope_catalog;  // empty: free-form
  ProjectPolicy policy;
  absl::Time create_time;
  absl::Time update_time;
  // Set when it was deleted while it had keys: from then on none of them verifies, and nothing can
  // be issued in it. The record goes with its last key.
  std::optional<absl::Time> delete_time;
  Revision revision;  // of the last change; set by the store
};

// `[a-z][a-z0-9-]{1,62}`.
bool IsValidProjectId(std::string_view text);
inline constexpr std::string_view kProjectIdSyntax = "must match [a-z][a-z0-9-]{1,62}";

}  // namespace claviger

#endif  // CLAVIGER_CORE_KEY_RECORD_H_
