// Who is calling, and what they may do.
#ifndef CLAVIGER_SERVER_MANAGE_CALLER_H_
#define CLAVIGER_SERVER_MANAGE_CALLER_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "core/key_record.h"
#include "core/scope.h"

namespace claviger {

// A caller known by its client certificate.
struct CertificateIdentity {
  std::string san;  // with its kind, e.g. `dns:billing.internal`
  ScopeSet permissions;
  std::vector<std::string> project_ids;  // sorted; empty: all
};

// An authenticated caller. Cheap to copy.
//
// Thread safety: immutable, all methods may be called from any thread at once.
class Caller {
 public:
  // By management key, or by any other valid key (which may do nothing but revoke itself).
  static Caller FromKey(std::shared_ptr<const KeyRecord> key, std::string peer);
  static Caller FromCertificate(std::shared_ptr<const CertificateIdentity> identity,
                                std::string peer);

  // Whether the caller has `permission` at all, in some project.
  bool Has(std::string_view permission) const;
  // Whether the caller's binding lets it act in `project_id`.
  bool IsBoundTo(std::string_view project_id) const;
  // Both.
  bool May(std::string_view permission, std::string_view project_id) const {
    return Has(permission) && IsBoundTo(project_id);
  }
  bool acts_in_all_projects() const { return projects().empty(); }
  // Sorted; empty: all.
  const std::vector<std::string>& projects() const;

  // OK, or PERMISSION_DENIED naming the permission.
  absl::Status Require(std::string_view permission) const;
  // OK when whatever holds `permissions` in `project_ids` could do nothing that this caller cannot;
  // else PERMISSION_DENIED `PRIVILEGE_ESCALATION`, naming what the caller lacks.
  absl::Status RequireCanGrant(const ScopeSet& permissions,
                               const std::vector<std::string>& project_ids) const;

  // `key:<id>` or `cert:<SAN>`, for records and logs.
  std::string actor() const;
  // The same in two parts, which live as long as this caller.
  std::pair<std::string_view, std::string_view> actor_parts() const;
  // The address that the call came from, without the port; empty for a call that records none.
  const std::string& peer() const { return peer_; }
  // The key that the caller showed.
  std::optional<KeyId> key_id() const;
  // The name in the certificate that the caller showed; empty when it showed a key.
  std::string certificate_san() const;

 private:
  std::shared_ptr<const KeyRecord> key_;
  std::shared_ptr<const CertificateIdentity> certificate_;
  std::string peer_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_CALLER_H_
