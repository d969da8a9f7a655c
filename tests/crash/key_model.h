// What each change makes of a key's record, as far as its caller can know, and whether a record
// that was read is that. Pure.
#ifndef CLAVIGER_TESTS_CRASH_KEY_MODEL_H_
#define CLAVIGER_TESTS_CRASH_KEY_MODEL_H_

#include <optional>
#include <string>

#include "claviger/v1/key.pb.h"
#include "claviger/v1/key_authority.pb.h"
#include "claviger/v1/key_import.pb.h"
#include "claviger/v1/key_lifecycle.pb.h"
#include "claviger/v1/project.pb.h"

namespace claviger::crash {

// A wanted record is a whole one, in which what the server chooses is marked: times by
// ChosenByServer, the id of a new key by being empty, its successor's by kSomeKey. Where the time
// of the last change is the server's choice, the revision must be above the wanted one.
google::protobuf::Timestamp ChosenByServer();
inline constexpr char kSomeKey[] = "*";

// Keys that are made. `creator` as in `Key.created_by`.
v1::Key Issued(const v1::IssueKeyRequest& request, const std::string& creator);
v1::Key Imported(const std::string& project_id, const v1::ImportedKey& row,
                 const std::string& creator);
// The key that takes the place of `key`.
v1::Key SuccessorOf(const v1::Key& key, const std::string& creator);

// Keys that are changed. REQUIRES: the change is one that the key permits, and is not there yet.
v1::Key Revoked(v1::Key key, v1::RevokeReason reason, const std::string& note);
v1::Key Disabled(v1::Key key);
v1::Key Enabled(v1::Key key);
v1::Key WithScopes(v1::Key key, const v1::ScopeList& scopes);
// The owner, labels, metadata, name and expiry of `request`.
v1::Key Updated(v1::Key key, const v1::UpdateKeyRequest& request);
v1::Key Replaced(v1::Key key, bool has_grace);
v1::Key Deleted(v1::Key key, v1::RevokeReason reason, const std::string& note);
v1::Key Undeleted(v1::Key key);

// Whether nothing can make it verify again.
bool IsRevoked(const v1::Key& key);

// Without what is counted beside the history: its use.
v1::Key WithoutUse(v1::Key key);

// How `observed`, without its use, differs from what is wanted; nullopt: it does not.
std::optional<std::string> DifferenceFrom(const v1::Key& wanted, const v1::Key& observed);

// The same of a key whose project was deleted: the server takes it away in its own time.
std::optional<std::string> DifferenceFromDoomed(const v1::Key& wanted, const v1::Key& observed);

// Projects likewise.
v1::Project Created(const v1::Project& asked);
v1::Project Renamed(v1::Project project, const std::string& display_name);
std::optional<std::string> DifferenceFrom(const v1::Project& wanted, const v1::Project& observed);

}  // namespace claviger::crash

#endif  // CLAVIGER_TESTS_CRASH_KEY_MODEL_H_
