// Holds what a server shows after a restart against the ledger. Pure: knows neither processes nor
// networks.
#ifndef CLAVIGER_TESTS_CRASH_SETTLEMENT_H_
#define CLAVIGER_TESTS_CRASH_SETTLEMENT_H_

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "claviger/v1/audit.pb.h"
#include "claviger/v1/key.pb.h"
#include "claviger/v1/project.pb.h"
#include "claviger/v1/verifier.pb.h"
#include "tests/crash/ledger.h"

namespace claviger::crash {

// One list of keys, all of its pages.
struct Listing {
  std::string name;                           // for people
  std::function<bool(const v1::Key&)> lists;  // whether a key belongs in it
  std::vector<v1::Key> keys;
};

// What the server shows. All of it was read while nobody changed anything.
struct Observed {
  std::string epoch;
  // The audit log behind `Book::audit_revision`, oldest first, and its end.
  std::vector<v1::AuditEvent> events;
  v1::ListAuditEventsResponse head;
  // The keys that were asked for by id, and those of them that were found.
  std::set<std::string> asked_keys;
  std::map<std::string, v1::Key> keys;
  std::set<std::string> asked_projects;
  std::map<std::string, v1::Project> projects;
  std::vector<Listing> listings;
  // Of checks without any demand, by key.
  std::map<std::string, v1::VerifyCode> codes;
};

// Finds out what became of the calls that are open, brings `book` up to date, and returns what must
// not be, together with what the book had noted. Afterwards no call is open; those that can be
// asked again stand in `retries`.
//
// REQUIRES: the keys and projects of `book` that were touched, the keys of the new audit entries
// and those of the lists that `book` does not know were all asked for.
std::vector<Violation> Settle(Book& book, const Observed& seen);

}  // namespace claviger::crash

#endif  // CLAVIGER_TESTS_CRASH_SETTLEMENT_H_
