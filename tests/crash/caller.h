// One of the callers that work while the server is killed.
#ifndef CLAVIGER_TESTS_CRASH_CALLER_H_
#define CLAVIGER_TESTS_CRASH_CALLER_H_

#include <atomic>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "tests/crash/ledger.h"
#include "tests/support/test_caller.h"

namespace claviger::crash {

// What the callers of one load share with whoever ends it.
//
// Thread safety: all methods may be called from any thread at once.
class Load {
 public:
  // `answers`: after so many it is time to end it.
  explicit Load(int64_t answers) : answers_left_(answers) {}

  // From here on calls may fail. Before the server is killed.
  void BeginEnd() { ending_.store(true); }
  bool ending() const { return ending_.load(); }
  void OnAnswer() {
    if (answers_left_.fetch_sub(1) == 1) enough_.Notify();
  }
  const absl::Notification& enough() const { return enough_; }

 private:
  std::atomic<bool> ending_{false};
  std::atomic<int64_t> answers_left_;
  absl::Notification enough_;
};

// Changes keys and projects of its own, one call after another, and tells the ledger before each
// call what it is to do, and after it what was answered. Nobody else changes them, so that the
// ledger knows what each record must be.
//
// Thread safety: none.
class Caller {
 public:
  struct Options {
    uint32_t number = 0;
    // Names the keys of this load: their owner and their batch.
    uint64_t cycle = 0;
    uint64_t seed = 0;
    // Whom the server takes it for, as in `Key.created_by`.
    std::string name;
  };

  // `ledger` and `load` outlive this.
  Caller(Options options, TestCaller server, Ledger& ledger, Load& load);

  // First asks again what was not answered last time. Returns when a call failed.
  void Run();
  // Only asks again what was not answered.
  void AskAgain();

 private:
  // Makes a call of one kind. False: it failed.
  bool Step();
  bool Issue(const std::string& project_id);
  bool Import();
  bool RevokeMany(bool by_owner);
  bool MakeProject();
  bool RenameProject();
  bool DeleteProject();
  bool RepeatAnswered();
  // Of a key, at random among what its state permits.
  bool ChangeKey();
  bool ChangeActive(v1::Key& key);
  bool Revoke(v1::Key& key);
  bool Disable(v1::Key& key);
  bool Enable(v1::Key& key);
  bool UpdateScopes(v1::Key& key);
  bool UpdateKey(v1::Key& key);
  bool Rotate(v1::Key& key, bool has_grace);
  bool Delete(v1::Key& key);
  bool Undelete(v1::Key& key);

  bool AskAgain(const Call& call);
  bool SendIssue(Call call, const v1::IssueKeyRequest& request);
  bool SendRotate(Call call, const v1::RotateKeyRequest& request);
  // Sends a change of `key`, and takes over what it has become.
  template <typename Request>
  bool Change(v1::Key& key, std::string_view action, v1::Key wanted, const Request& request);
  // `on_answer` gets the call's number and what was answered.
  template <typename Request, typename OnAnswer>
  bool Make(Call call, const Request& request, OnAnswer on_answer);
  Call NewCall(std::string_view action, const std::string& project_id) const;

  template <typename Attributes>
  void Describe(Attributes& attributes);
  std::string NewName();
  std::string NewUuid();
  // The key's scopes, with one more or one less.
  v1::ScopeList DrawOtherScopes(const v1::Key& key);
  google::protobuf::Timestamp DrawExpiry();
  uint64_t Draw(uint64_t below) { return random_() % below; }

  const Options options_;
  const TestCaller server_;
  Ledger& ledger_;
  Load& load_;
  std::mt19937_64 random_;
  uint64_t names_ = 0;
  std::vector<v1::Key> keys_;  // as they are, those that are not part of an open call
  std::vector<v1::Project> projects_;
};

}  // namespace claviger::crash

#endif  // CLAVIGER_TESTS_CRASH_CALLER_H_
