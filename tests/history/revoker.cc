#include "tests/history/revoker.h"

#include <algorithm>
#include <chrono>

#include "fmt/format.h"

namespace claviger::history {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(20);
constexpr absl::Duration kLook = absl::Milliseconds(5);
constexpr absl::Duration kAskAgain = absl::Milliseconds(200);
constexpr absl::Duration kCallTimeout = absl::Seconds(10);
// Shorter than a lease of the shortest kind: the answer is PENDING when a verifier is cut off.
constexpr absl::Duration kHastyTimeout = absl::Milliseconds(300);

// A key is revoked when all have accepted it, or after this time: some must not wait for who is
// frozen. One in kAtOnceOneIn is revoked so soon that the first checks of it are still under way.
constexpr absl::Duration kLiveAtMost = absl::Milliseconds(600);
constexpr absl::Duration kAtOnce = absl::Milliseconds(10);
constexpr uint64_t kAtOnceOneIn = 4;
// And is then checked for so long: some beyond a lease.
constexpr absl::Duration kCheckedAtLeast = absl::Milliseconds(200);
constexpr absl::Duration kCheckedAtMost = absl::Milliseconds(1500);

RevokeOutcome OutcomeOf(v1::PropagationOutcome outcome) {
  switch (outcome) {
    case v1::PROPAGATION_OUTCOME_ALL_ACKED:
      return RevokeOutcome::kAllAcked;
    case v1::PROPAGATION_OUTCOME_LEASES_EXPIRED:
      return RevokeOutcome::kLeasesExpired;
    case v1::PROPAGATION_OUTCOME_PENDING:
      return RevokeOutcome::kPending;
    default:
      return RevokeOutcome::kNone;
  }
}

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

std::shared_ptr<grpc::Channel> OpenChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  // The server comes back soon, and is missed.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

Revoker::Revoker(Options options, SharedRecord& record, const Clock& clock)
    : options_(std::move(options)),
      record_(record),
      clock_(clock),
      stub_(v1::KeyAuthority::NewStub(OpenChannel(options_.address))),
      random_(options_.seed),
      lives_(record.shape().slots),
      revokes_(record.shape().keys) {}

Revoker::~Revoker() { Stop(); }

void Revoker::Start() {
  const absl::Duration now = clock_.SinceBoot();
  for (uint32_t slot = 0; slot < lives_.size(); ++slot) {
    lives_[slot].slot = slot;
    Schedule(lives_[slot], now + Draw(absl::ZeroDuration(), kLiveAtMost));
  }
  thread_ = std::thread([this] { Loop(); });
}

void Revoker::Stop() {
  stopping_.store(true);
  if (thread_.joinable()) thread_.join();
}

double Revoker::mean_acceptors() const {
  return revoked_keys_ == 0 ? 0
                            : static_cast<double>(acceptors_) / static_cast<double>(revoked_keys_);
}

void Revoker::Loop() {
  while (!Finished()) {
    void* tag = nullptr;
    bool ok = false;
    absl::Duration wait = kTick;
    if (!due_.empty()) wait = std::min(wait, due_.begin()->first - clock_.SinceBoot());
    const auto until = std::chrono::system_clock::now() + absl::ToChronoMicroseconds(wait);
    const auto next = queue_.AsyncNext(&tag, &ok, until);
    // This is when a call has returned: before anything else is done.
    const absl::Duration now = clock_.SinceBoot();
    if (next == grpc::CompletionQueue::GOT_EVENT) OnAnswer(*static_cast<Life*>(tag), now);
    while (!due_.empty() && due_.begin()->first <= now) {
      Life& life = lives_[due_.begin()->second];
      due_.erase(due_.begin());
      OnDue(life, now);
    }
  }
  queue_.Shutdown();
  void* tag = nullptr;
  for (bool ok = false; queue_.Next(&tag, &ok);) {
  }
}

bool Revoker::Finished() const {
  return stopping_.load() && std::all_of(lives_.begin(), lives_.end(), [](const Life& life) {
           return life.phase == Phase::kFree;
         });
}

void Revoker::OnAnswer(Life& life, absl::Duration now) {
  life.phase == Phase::kIssuing ? OnIssued(life, now) : OnRevoked(life, now);
}

void Revoker::OnIssued(Life& life, absl::Duration now) {
  if (!life.status.ok()) {
    life.phase = Phase::kFree;
    if (IsExplained(life.status)) Schedule(life, now + kAskAgain);
    return;
  }
  life.phase = Phase::kLive;
  life.key = next_key_++;
  life.key_id = life.issued.info().key_id();
  record_.PutKey(life.key, life.issued.key());
  record_.SetSlot(life.slot, life.key);
  const uint64_t drawn = random_();
  life.mode = drawn % 20 == 0   ? Mode::kStrictInHaste
              : drawn % 20 == 1 ? Mode::kCommit
                                : Mode::kStrict;
  life.by_all_first = random_() % kAtOnceOneIn != 0;
  life.revoke_at_latest =
      now + (life.by_all_first ? kLiveAtMost : Draw(absl::ZeroDuration(), kAtOnce));
  Schedule(life, std::min(life.revoke_at_latest, now + kLook));
}

void Revoker::OnRevoked(Life& life, absl::Duration now) {
  if (!life.status.ok()) {
    ++unanswered_calls_;
    life.phase = IsExplained(life.status) ? Phase::kToRevoke : Phase::kRevoked;
    Schedule(life, now + kAskAgain);
    return;
  }
  Revoke& revoke = revokes_[life.key];
  const v1::Propagation& propagation = life.revoked.propagation();
  revoke.returned = now;
  revoke.outcome =
      options_.commit_for_strict ? RevokeOutcome::kAllAcked : OutcomeOf(propagation.outcome());
  revoke.safe_in = FromProto(propagation.safe_in());
  if (revoke.outcome == RevokeOutcome::kNone && error_.ok()) {
    error_ = absl::InternalError(
        fmt::format("revoke answered without an outcome: {}", life.revoked.ShortDebugString()));
  }
  if (life.mode != Mode::kCommit && revoke.outcome != RevokeOutcome::kPending) {
    strict_revokes_.fetch_add(1, std::memory_order_relaxed);
    waits_.push_back(now - life.called);
    barrier_waits_.push_back(FromProto(propagation.waited()));
  }
  life.phase = Phase::kRevoked;
  Schedule(life, now + revoke.safe_in + Draw(kCheckedAtLeast, kCheckedAtMost));
}

void Revoker::OnDue(Life& life, absl::Duration now) {
  const bool stopping = stopping_.load();
  switch (life.phase) {
    case Phase::kFree:
      if (!stopping) Issue(life);
      return;
    case Phase::kLive:
      if (stopping) {
        life.phase = Phase::kFree;
      } else if (now >= life.revoke_at_latest ||
                 (life.by_all_first && CountAcceptors(life.key) == record_.shape().processes)) {
        ++revoked_keys_;
        acceptors_ += CountAcceptors(life.key);
        Call(life, now);
      } else {
        Schedule(life, now + kLook);
      }
      return;
    case Phase::kToRevoke:
      // The server need not come back for a run that was broken off.
      if (stopping) {
        life.phase = Phase::kFree;
      } else {
        Call(life, now);
      }
      return;
    case Phase::kRevoked:
      record_.SetSlot(life.slot, std::nullopt);
      life.phase = Phase::kFree;
      Schedule(life, now);
      return;
    case Phase::kIssuing:
    case Phase::kRevoking:
      return;
  }
}

void Revoker::Issue(Life& life) {
  // The keys of a run are limited; those under way have their number coming.
  const auto issuing = static_cast<uint32_t>(std::count_if(
      lives_.begin(), lives_.end(), [](const Life& l) { return l.phase == Phase::kIssuing; }));
  if (next_key_ + issuing >= record_.shape().keys) return;
  v1::IssueKeyRequest request;
  request.set_project_id("default");
  request.set_display_name("history");
  life.phase = Phase::kIssuing;
  Prepare(life, kCallTimeout);
  life.issue_call = stub_->AsyncIssueKey(life.context.get(), request, &queue_);
  life.issue_call->Finish(&life.issued, &life.status, &life);
}

void Revoker::Call(Life& life, absl::Duration now) {
  v1::RevokeKeyRequest request;
  request.set_key_id(life.key_id);
  const bool commit = options_.commit_for_strict || life.mode == Mode::kCommit;
  request.set_propagation(commit ? v1::PROPAGATION_MODE_COMMIT : v1::PROPAGATION_MODE_STRICT);
  life.phase = Phase::kRevoking;
  Prepare(life, life.mode == Mode::kStrictInHaste ? kHastyTimeout : kCallTimeout);
  life.called = now;
  Revoke& revoke = revokes_[life.key];
  revoke.called = std::min(revoke.called, now);
  life.revoke_call = stub_->AsyncRevokeKey(life.context.get(), request, &queue_);
  life.revoke_call->Finish(&life.revoked, &life.status, &life);
}

void Revoker::Prepare(Life& life, absl::Duration timeout) const {
  life.issue_call.reset();
  life.revoke_call.reset();
  life.context = std::make_unique<grpc::ClientContext>();
  life.context->AddMetadata("authorization", options_.authorization);
  life.context->set_deadline(std::chrono::system_clock::now() +
                             absl::ToChronoMicroseconds(timeout));
  life.issued.Clear();
  life.revoked.Clear();
}

bool Revoker::IsExplained(const grpc::Status& status) {
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE ||
      status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return true;
  }
  if (error_.ok()) {
    error_ =
        absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  }
  return false;
}

uint32_t Revoker::CountAcceptors(uint32_t key) const {
  uint32_t count = 0;
  for (uint32_t process = 0; process < record_.shape().processes; ++process) {
    if (record_.SeenBy(process, key).last_accepted_start > -absl::InfiniteDuration()) ++count;
  }
  return count;
}

absl::Duration Revoker::Draw(absl::Duration low, absl::Duration high) {
  return low + (high - low) * std::uniform_real_distribution<double>(0, 1)(random_);
}

}  // namespace claviger::history
