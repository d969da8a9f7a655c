#include "tests/bench/load_generator.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/synchronization/blocking_counter.h"
#include "absl/time/clock.h"
#include "fmt/format.h"
#include "grpcpp/alarm.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/channel_arguments.h"
#include "tests/support/child_process.h"

namespace claviger::bench {
namespace {

constexpr std::chrono::seconds kCallTimeout(10);
constexpr std::chrono::seconds kConnectTimeout(10);

// The keys of a KeyChoice.
//
// Thread safety: PutInto may be called from any thread at once.
class KeyFile {
 public:
  static absl::StatusOr<std::unique_ptr<KeyFile>> Open(const KeyChoice& choice) {
    std::unique_ptr<KeyFile> keys(new KeyFile(choice));
    if (choice.count() == 0) return keys;
    const FileDescriptor fd(open(choice.file().c_str(), O_RDONLY | O_CLOEXEC));
    const size_t bytes = choice.count() * choice.key_length();
    void* mapped = mmap(nullptr, bytes, PROT_READ, MAP_SHARED | MAP_POPULATE, fd.get(), 0);
    if (mapped == MAP_FAILED) {
      return absl::InternalError(fmt::format("{}: {}", choice.file(), std::strerror(errno)));
    }
    // Mapped until the process ends.
    keys->bytes_ = static_cast<const char*>(mapped);
    return keys;
  }

  // False: there are none left.
  bool PutInto(std::string& request, std::mt19937_64& random) {
    if (bytes_ == nullptr) return true;
    char* place = request.data() + choice_.offset();
    for (uint32_t i = 0; i < std::max(choice_.per_request(), 1U); ++i, place += choice_.stride()) {
      const uint64_t index = choice_.in_order() ? next_++ : random() % choice_.count();
      if (index >= choice_.count()) return false;
      std::memcpy(place, bytes_ + index * choice_.key_length(), choice_.key_length());
    }
    return true;
  }

 private:
  explicit KeyFile(KeyChoice choice) : choice_(std::move(choice)), next_(choice_.first()) {}

  KeyChoice choice_;
  const char* bytes_ = nullptr;
  std::atomic<uint64_t> next_;
};

// What all lanes share.
struct Shared {
  const LoadSpec& spec;
  KeyFile& keys;
  absl::BlockingCounter running;
  absl::Time measure_from;
  absl::Time measure_until;
};

// One call after the other.
//
// Thread safety: after Start, only gRPC's callbacks use it, until `running` counted it.
class Lane {
 public:
  Lane(Shared& shared, const std::shared_ptr<grpc::Channel>& channel, uint64_t seed)
      : shared_(shared), stub_(channel), random_(seed), request_text_(shared.spec.request()) {
    const LoadSpec& spec = shared.spec;
    if (spec.calls_per_second() == 0) return;
    pace_ = absl::Seconds(1) * spec.in_flight() / spec.calls_per_second();
    due_ = absl::Now() + pace_ * (static_cast<double>(random_() % 1000) / 1000);
  }

  // Begins the next call, once it is due.
  void Start() {
    const absl::Time now = absl::Now();
    if (now >= due_) {
      // What was missed is not made up for, or a load that falls behind would come in bursts.
      due_ = std::max(due_ + pace_, now);
      return Call();
    }
    due_alarm_.Set(absl::ToChronoTime(due_), [this](bool) {
      due_ += pace_;
      Call();
    });
  }

  const std::vector<double>& latencies_us() const { return latencies_us_; }
  uint64_t failures() const { return failures_; }
  const std::string& first_failure() const { return first_failure_; }
  size_t answer_bytes() const { return answer_bytes_; }
  uint64_t calls() const { return calls_; }

 private:
  void Call() {
    if (!shared_.keys.PutInto(request_text_, random_)) {
      Fail("there are no keys left");
      shared_.running.DecrementCount();
      return;
    }
    const grpc::Slice slice(request_text_);
    request_ = grpc::ByteBuffer(&slice, 1);
    answer_.Clear();
    context_.emplace();
    context_->set_deadline(std::chrono::system_clock::now() + kCallTimeout);
    context_->AddMetadata("authorization", shared_.spec.authorization());
    started_ = absl::Now();
    stub_.UnaryCall(&*context_, shared_.spec.method(), {}, &request_, &answer_,
                    [this](const grpc::Status& status) { OnDone(status); });
  }

  void OnDone(const grpc::Status& status) {
    const absl::Time now = absl::Now();
    ++calls_;
    if (!status.ok()) {
      Fail(fmt::format("{} {}", status.error_code(), status.error_message()));
    } else if (!AnswerIsGood()) {
      Fail("an answer that does not begin as it should");
    } else if (now >= shared_.measure_from && now < shared_.measure_until) {
      latencies_us_.push_back(absl::ToDoubleMicroseconds(now - started_));
    }
    if (now < shared_.measure_until && failures_ == 0) return Start();
    shared_.running.DecrementCount();
  }

  bool AnswerIsGood() {
    const std::string& prefix = shared_.spec.answer_prefix();
    answer_bytes_ = answer_.Length();
    grpc::Slice slice;
    if (!answer_.TrySingleSlice(&slice).ok() && !answer_.DumpToSingleSlice(&slice).ok()) {
      return false;
    }
    return std::string_view(reinterpret_cast<const char*>(slice.begin()), slice.size())
        .starts_with(prefix);
  }

  void Fail(std::string why) {
    if (failures_++ == 0) first_failure_ = std::move(why);
  }

  Shared& shared_;
  grpc::GenericStub stub_;
  std::mt19937_64 random_;
  std::string request_text_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer answer_;
  std::optional<grpc::ClientContext> context_;
  absl::Duration pace_;                    // between two calls of this lane
  absl::Time due_ = absl::InfinitePast();  // the next one
  grpc::Alarm due_alarm_;
  absl::Time started_;
  std::vector<double> latencies_us_;
  uint64_t calls_ = 0;
  uint64_t failures_ = 0;
  std::string first_failure_;
  size_t answer_bytes_ = 0;
};

absl::StatusOr<std::vector<std::shared_ptr<grpc::Channel>>> Connect(const LoadSpec& spec) {
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (uint32_t i = 0; i < spec.connections(); ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
    channels.push_back(
        grpc::CreateCustomChannel(spec.target(), grpc::InsecureChannelCredentials(), arguments));
    if (!channels.back()->WaitForConnected(std::chrono::system_clock::now() + kConnectTimeout)) {
      return absl::UnavailableError(fmt::format("no connection to {}", spec.target()));
    }
  }
  return channels;
}

double Percentile(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  const auto at =
      values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

LoadResult Summarize(const LoadSpec& spec, const std::vector<std::unique_ptr<Lane>>& lanes) {
  LoadResult result;
  std::vector<double> latencies;
  for (const auto& lane : lanes) {
    latencies.insert(latencies.end(), lane->latencies_us().begin(), lane->latencies_us().end());
    if (result.failures() == 0) result.set_first_failure(lane->first_failure());
    result.set_failures(result.failures() + lane->failures());
    result.set_all_calls(result.all_calls() + lane->calls());
    result.set_answer_bytes(static_cast<uint32_t>(lane->answer_bytes()));
  }
  result.set_calls_per_second(static_cast<double>(latencies.size()) * 1000 / spec.measure_ms());
  result.set_p50_us(Percentile(latencies, 0.5));
  result.set_p99_us(Percentile(latencies, 0.99));
  return result;
}

}  // namespace

absl::StatusOr<LoadResult> GenerateLoad(const LoadSpec& spec) {
  if (spec.in_flight() == 0 || spec.connections() == 0 || spec.measure_ms() == 0) {
    return absl::InvalidArgumentError("in_flight, connections and measure_ms must be above 0");
  }
  const absl::StatusOr<std::unique_ptr<KeyFile>> keys = KeyFile::Open(spec.keys());
  if (!keys.ok()) return keys.status();
  auto channels = Connect(spec);
  if (!channels.ok()) return channels.status();
  const absl::Time measure_from = absl::Now() + absl::Milliseconds(spec.warm_up_ms());
  Shared shared{.spec = spec,
                .keys = **keys,
                .running = absl::BlockingCounter(static_cast<int>(spec.in_flight())),
                .measure_from = measure_from,
                .measure_until = measure_from + absl::Milliseconds(spec.measure_ms())};
  std::vector<std::unique_ptr<Lane>> lanes;
  for (uint32_t i = 0; i < spec.in_flight(); ++i) {
    lanes.push_back(
        std::make_unique<Lane>(shared, (*channels)[i % channels->size()], std::random_device()()));
  }
  for (const auto& lane : lanes) lane->Start();
  shared.running.Wait();
  return Summarize(spec, lanes);
}

}  // namespace claviger::bench
