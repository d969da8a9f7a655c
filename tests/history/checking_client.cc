#include "tests/history/checking_client.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "absl/time/time.h"
#include "claviger/client.h"
#include "core/platform/system_clock.h"
#include "tests/history/shared_record.h"

namespace claviger::history {
namespace {

// Short, so that a thread that waits for an authority that is gone soon checks other keys again.
constexpr absl::Duration kCheckTimeout = absl::Milliseconds(300);
// Each check of a key that was denied is a call. One in so many is enough to see a key that came
// back, and leaves the time to the cache, which is what is tested.
constexpr uint32_t kAskAgainOneIn = 32;
// Below everything else, or the checks starve what they check.
constexpr int kNice = 10;

template <typename Number>
bool Parse(const std::string& text, Number& number) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stop == end;
}

// Whether the key was found to be bad, as opposed to nobody having been there to say.
bool IsDenial(DecisionCode code) {
  switch (code) {
    case DecisionCode::kNotFound:
    case DecisionCode::kDisabled:
    case DecisionCode::kExpired:
    case DecisionCode::kRevoked:
      return true;
    default:
      return false;
  }
}

// One thread's checks. Half of the threads ask for the keys that this process does not know yet,
// and once in a while for those that it was denied, and so mostly wait for answers. The others
// check what the cache has, as fast as they can.
class CheckLoop {
 public:
  CheckLoop(Client& client, SharedRecord& record, uint32_t process, uint32_t thread, uint64_t seed)
      : client_(client),
        record_(record),
        process_(process),
        thread_(thread),
        asks_(thread % 2 == 0),
        random_(static_cast<std::minstd_rand::result_type>(seed)) {}

  void Run() {
    // A thread's own niceness, in Linux; where it is refused the run is merely slower.
    (void)setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kNice);
    const uint32_t slots = record_.shape().slots;
    // Not all threads wait for the same key.
    const uint32_t first = slots / record_.shape().threads * thread_;
    while (!record_.stopped()) {
      for (uint32_t i = 0; i < slots; ++i) Visit((first + i) % slots);
    }
  }

 private:
  void Visit(uint32_t slot) {
    const std::optional<uint32_t> key = record_.KeyIn(slot);
    if (key.has_value() && IsToBeChecked(record_.SeenBy(process_, *key))) Check(*key);
  }

  bool IsToBeChecked(const Seen& seen) {
    if (seen.first_denied_end < absl::InfiniteDuration()) {
      return asks_ && random_() % kAskAgainOneIn == 0;
    }
    return asks_ || seen.last_accepted_start > -absl::InfiniteDuration();
  }

  void Check(uint32_t key) {
    const std::string_view text = record_.KeyText(key);
    // The check begins when the clock has been read, and ends before it is read again.
    const absl::Duration start = clock_.SinceBoot();
    const Decision decision = client_.Check(text);
    if (decision.valid()) {
      record_.NoteAccepted(process_, key, start);
    } else if (IsDenial(decision.code())) {
      record_.NoteDenied(process_, key, clock_.SinceBoot());
    }
    record_.Count(process_, thread_, decision.code(), decision.from_cache());
  }

  const SystemClock clock_;
  Client& client_;
  SharedRecord& record_;
  const uint32_t process_;
  const uint32_t thread_;
  const bool asks_;
  std::minstd_rand random_;
};

}  // namespace

std::vector<std::string> ToArguments(const CheckingClientOptions& options) {
  return {options.record_file, options.endpoint, options.key_file, std::to_string(options.process),
          std::to_string(options.seed)};
}

absl::StatusOr<CheckingClientOptions> FromArguments(const std::vector<std::string>& arguments) {
  CheckingClientOptions options;
  if (arguments.size() != 5 || !Parse(arguments[3], options.process) ||
      !Parse(arguments[4], options.seed)) {
    return absl::InvalidArgumentError("usage: RECORD ENDPOINT KEY_FILE PROCESS SEED");
  }
  options.record_file = arguments[0];
  options.endpoint = arguments[1];
  options.key_file = arguments[2];
  return options;
}

absl::Status RunCheckingClient(const CheckingClientOptions& options) {
  absl::StatusOr<std::unique_ptr<SharedRecord>> record = SharedRecord::Open(options.record_file);
  if (!record.ok()) return record.status();
  if (options.process >= (*record)->shape().processes) {
    return absl::InvalidArgumentError("the record has no such process");
  }
  ClientOptions client_options;
  client_options.endpoints = {options.endpoint};
  client_options.key_file = options.key_file;
  client_options.plaintext = true;
  client_options.check_timeout = kCheckTimeout;
  client_options.client_name = "history";
  absl::StatusOr<std::unique_ptr<Client>> client = Client::Create(std::move(client_options));
  if (!client.ok()) return client.status();

  std::vector<std::thread> threads;
  for (uint32_t thread = 0; thread < (*record)->shape().threads; ++thread) {
    threads.emplace_back([&, thread] {
      CheckLoop(**client, **record, options.process, thread, options.seed + thread).Run();
    });
  }
  for (std::thread& thread : threads) thread.join();
  (*client)->Close();
  return absl::OkStatus();
}

}  // namespace claviger::history
