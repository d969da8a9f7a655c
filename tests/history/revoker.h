// Issues keys, has them checked, revokes them, and writes down what it was promised.
#ifndef CLAVIGER_TESTS_HISTORY_REVOKER_H_
#define CLAVIGER_TESTS_HISTORY_REVOKER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "claviger/v1/key_authority.grpc.pb.h"
#include "core/clock.h"
#include "grpcpp/grpcpp.h"
#include "tests/history/checker.h"
#include "tests/history/shared_record.h"

namespace claviger::history {

// Keeps every slot of the record busy: a key is issued, checked by all, revoked, checked some more,
// and makes room for the next one. A revoke that is not answered is asked for again, as a careful
// caller would.
//
// Thread safety: `Start`, `Stop` and what may be read after it from one thread; `strict_revokes`
// from any.
class Revoker {
 public:
  struct Options {
    std::string address;
    std::string authorization;
    uint64_t seed = 0;
    // Asks for COMMIT, which waits for nobody, and takes the answer for a strict one: the history
    // then must show it.
    bool commit_for_strict = false;
  };

  // `record` and `clock` outlive this.
  Revoker(Options options, SharedRecord& record, const Clock& clock);
  // Stops.
  ~Revoker();
  Revoker(const Revoker&) = delete;
  Revoker& operator=(const Revoker&) = delete;

  void Start();
  // Issues and revokes nothing more, and returns when what was revoked has been checked for long
  // enough. Idempotent.
  void Stop();

  // How many strict revokes were kept, so far.
  uint64_t strict_revokes() const { return strict_revokes_.load(std::memory_order_relaxed); }

  // After Stop; by key.
  const std::vector<Revoke>& revokes() const { return revokes_; }
  // How long the strict revokes took that ended before their deadlines, and how much of it, in the
  // authority's words, was for the verifiers.
  const std::vector<absl::Duration>& waits() const { return waits_; }
  const std::vector<absl::Duration>& barrier_waits() const { return barrier_waits_; }
  uint64_t unanswered_calls() const { return unanswered_calls_; }
  // How many processes had accepted a key when it was revoked, on average.
  double mean_acceptors() const;
  // Not OK: something was answered that nothing in the run explains.
  const absl::Status& error() const { return error_; }

 private:
  enum class Phase : uint8_t { kFree, kIssuing, kLive, kRevoking, kToRevoke, kRevoked };
  enum class Mode : uint8_t { kStrict, kStrictInHaste, kCommit };
  // What is in a slot. One call at a time; its tag is the life.
  struct Life {
    uint32_t slot = 0;
    Phase phase = Phase::kFree;
    uint32_t key = 0;
    std::string key_id;
    Mode mode = Mode::kStrict;
    bool by_all_first = true;  // to be revoked once all have accepted it, but not later than
    absl::Duration revoke_at_latest;
    absl::Duration called;  // the call under way, or the last one
    std::unique_ptr<grpc::ClientContext> context;
    v1::IssueKeyResponse issued;
    v1::RevokeKeyResponse revoked;
    grpc::Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<v1::IssueKeyResponse>> issue_call;
    std::unique_ptr<grpc::ClientAsyncResponseReader<v1::RevokeKeyResponse>> revoke_call;
  };

  void Loop();
  bool Finished() const;
  // A call of this life is over, since `now`.
  void OnAnswer(Life& life, absl::Duration now);
  void OnIssued(Life& life, absl::Duration now);
  void OnRevoked(Life& life, absl::Duration now);
  // The time has come for which it was scheduled.
  void OnDue(Life& life, absl::Duration now);
  void Issue(Life& life);
  void Call(Life& life, absl::Duration now);

  void Prepare(Life& life, absl::Duration timeout) const;
  // False, and noted, unless a server that is killed now and then explains it.
  bool IsExplained(const grpc::Status& status);
  uint32_t CountAcceptors(uint32_t key) const;
  void Schedule(Life& life, absl::Duration at) { due_.emplace(at, life.slot); }
  absl::Duration Draw(absl::Duration low, absl::Duration high);

  const Options options_;
  SharedRecord& record_;
  const Clock& clock_;
  std::unique_ptr<v1::KeyAuthority::Stub> stub_;
  grpc::CompletionQueue queue_;
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> strict_revokes_{0};

  // Of the thread while it runs.
  std::mt19937_64 random_;
  std::vector<Life> lives_;                            // by slot
  std::set<std::pair<absl::Duration, uint32_t>> due_;  // when, and which slot
  uint32_t next_key_ = 0;
  std::vector<Revoke> revokes_;
  std::vector<absl::Duration> waits_;
  std::vector<absl::Duration> barrier_waits_;
  uint64_t unanswered_calls_ = 0;
  uint64_t acceptors_ = 0;
  uint64_t revoked_keys_ = 0;
  absl::Status error_;

  std::thread thread_;
};

}  // namespace claviger::history

#endif  // CLAVIGER_TESTS_HISTORY_REVOKER_H_
