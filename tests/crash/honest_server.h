// What a settlement sees of a server that does what it is told, for tests that then take something
// away from it.
#ifndef CLAVIGER_TESTS_CRASH_HONEST_SERVER_H_
#define CLAVIGER_TESTS_CRASH_HONEST_SERVER_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "claviger/v1/audit.pb.h"
#include "claviger/v1/key.pb.h"
#include "claviger/v1/project.pb.h"
#include "core/audit_entry.h"
#include "tests/crash/ledger.h"
#include "tests/crash/settlement.h"

namespace claviger::crash {

// Keys, projects and an audit log, and the ledger of one caller.
//
// Thread safety: none.
class HonestServer {
 public:
  Ledger ledger;
  std::map<std::string, v1::Key> keys;
  std::map<std::string, v1::Project> projects;

  // What the caller wants; made when the call is sent.
  Call IssueCall(const std::string& name, const std::string& owner = "ann");
  Call ChangeCall(const std::string& action, const std::string& key_id, v1::Key wanted);
  Call RotateCall(const std::string& key_id, bool has_grace);
  Call RevokeManyCall(const std::vector<std::string>& key_ids);
  Call CreateProjectCall(const std::string& project_id);
  Call DeleteProjectCall(const std::string& project_id);

  // Does one effect, all effects, or what concerns the project; with its audit entries.
  v1::Key DoOne(const Call& call, const Effect& effect, uint64_t revision);
  std::vector<v1::Key> Do(const Call& call);
  // Does only the records, or only the audit entry, which it should not.
  std::vector<v1::Key> DoWithoutEntry(const Call& call);
  void Log(const std::string& action, const std::string& project_id, const std::string& key_id);

  // Sends, does and answers. Returns the last record.
  v1::Key Issue(const std::string& name, const std::string& owner = "ann");
  v1::Key Complete(Call call, const std::string& text = "");

  // All that there is.
  Observed See();
  // The list of an owner, as it should be.
  Listing ListOwner(const std::string& owner) const;

 private:
  v1::Key Resolve(v1::Key wanted, uint64_t revision);

  uint64_t ids_ = 0;
  std::vector<v1::AuditEvent> log_;
  AuditHead head_;
};

}  // namespace claviger::crash

#endif  // CLAVIGER_TESTS_CRASH_HONEST_SERVER_H_
