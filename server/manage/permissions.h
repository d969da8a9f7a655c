// What callers may do: the scopes of the management project's catalog.
#ifndef CLAVIGER_SERVER_MANAGE_PERMISSIONS_H_
#define CLAVIGER_SERVER_MANAGE_PERMISSIONS_H_

#include <array>
#include <string_view>

namespace claviger::permission {

inline constexpr std::string_view kKeysIssue = "keys.issue";
inline constexpr std::string_view kKeysRead = "keys.read";
inline constexpr std::string_view kKeysUpdate = "keys.update";
inline constexpr std::string_view kKeysRevoke = "keys.revoke";
inline constexpr std::string_view kKeysLookup = "keys.lookup";
inline constexpr std::string_view kKeysImport = "keys.import";
inline constexpr std::string_view kKeysVerify = "keys.verify";
inline constexpr std::string_view kProjectsRead = "projects.read";
inline constexpr std::string_view kProjectsManage = "projects.manage";
inline constexpr std::string_view kAuditRead = "audit.read";
inline constexpr std::string_view kUsageRead = "usage.read";
// Implies all others.
inline constexpr std::string_view kSettingsManage = "settings.manage";

inline constexpr std::array kAll = {kKeysIssue,  kKeysRead,       kKeysUpdate, kKeysRevoke,
                                    kKeysLookup, kKeysImport,     kKeysVerify, kProjectsRead,
                                    kAuditRead,  kProjectsManage, kUsageRead,  kSettingsManage};

}  // namespace claviger::permission

#endif  // CLAVIGER_SERVER_MANAGE_PERMISSIONS_H_
