// A running server for the targets that fuzz the whole of it. Made once and kept until the program
// ends.
#ifndef CLAVIGER_TESTS_FUZZ_FUZZED_SERVER_H_
#define CLAVIGER_TESTS_FUZZ_FUZZED_SERVER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/platform/system_random.h"
#include "grpcpp/channel.h"
#include "server/app/app.h"
#include "tests/support/fake_clock.h"
#include "tests/support/test_caller.h"

namespace claviger::fuzz {

// A stream at its end.
struct EndedStream {
  grpc::Status status;
  std::vector<std::string> answers;
};

// Thread safety: none; the targets have one thread.
class FuzzedServer {
 public:
  static FuzzedServer& Get();

  const std::string& root_key() const { return root_key_; }
  TestCaller Root() const { return {channel_, root_key_}; }
  // To be called at the beginning of each input. What inputs did stays, so that those behind them
  // meet more than an empty server; now and then, and when no key can be issued any more, a new
  // server begins.
  // True: it did something. `may_be_spoiled`: whether an input may have changed anything since the
  // last call.
  bool BeginInput(bool may_be_spoiled);
  // By number: root, one that may only verify, one that is bound to a project, a key without
  // permissions, nobody, and headers that are none.
  TestCaller CallerOf(uint8_t number) const;
  // Whether there is any method that this caller may call.
  static bool CallerMay(uint8_t number);
  // A key of project `default` that is good.
  const v1::IssueKeyResponse& LiveKey() const { return live_key_; }
  // Sends `messages` as they are on a stream of the caller that may verify, and ends it.
  EndedStream Stream(const std::string& method, const std::vector<std::string>& messages);

 private:
  FuzzedServer() { Start(); }
  // Over a new folder, with callers of all kinds.
  void Start();
  void Stop();
  // nullopt: what inputs did to the project forbids it.
  std::optional<v1::IssueKeyResponse> Issue(const std::string& project_id,
                                            const std::vector<std::string>& scopes,
                                            const std::vector<std::string>& bound_to = {});
  bool IssueAll();
  bool IsGood(const std::string& raw_key);

  std::string folder_;
  FakeClock clock_;
  SystemRandom random_;
  std::unique_ptr<App> app_;
  std::shared_ptr<grpc::Channel> channel_;
  std::string root_key_;
  std::string verifier_key_;
  std::string bound_key_;
  v1::IssueKeyResponse live_key_;
  int inputs_ = 0;
};

}  // namespace claviger::fuzz

#endif  // CLAVIGER_TESTS_FUZZ_FUZZED_SERVER_H_
