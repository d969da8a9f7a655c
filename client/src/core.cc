#include "client/src/core.h"

#include <errno.h>

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

#include "core/text.h"
#include "fmt/format.h"

namespace claviger::client {
namespace {

// What people find in the list of verifiers: at least the program's name.
std::string NameOf(const ClientOptions& options) {
  const std::string program = program_invocation_short_name;
  const bool fits = CheckText("name", program, kMaxNameCharacters).ok();
  return options.client_name.empty() && fits ? program : options.client_name;
}

}  // namespace

absl::StatusOr<std::shared_ptr<Core>> Core::Create(ClientOptions options, const Clock& clock,
                                                   RandomSource& random) {
  if (absl::Status s = options.Validate(); !s.ok()) return s;
  absl::StatusOr<Connection::Options> connection = ReadConnectionOptions(options);
  if (!connection.ok()) return connection.status();
  sync::SessionId session{};
  if (absl::Status s = random.Fill(session); !s.ok()) return s;

  std::shared_ptr<Core> core(
      new Core(std::move(options), *std::move(connection), session, clock, random));
  core->loop_.Post([&driver = core->driver_] { driver.Start(); });
  try {
    absl::MutexLock lock(&core->mutex_);
    core->thread_ = std::thread([core] {
      core->loop_.Run();
      core->ended_.Notify();
    });
  } catch (const std::system_error& error) {
    return absl::UnavailableError(fmt::format("cannot start a thread: {}", error.what()));
  }
  return core;
}

Core::Core(ClientOptions options, Connection::Options connection, const sync::SessionId& session,
           const Clock& clock, RandomSource& random)
    : clock_(clock),
      observer_(options.observer),
      view_(options.stale_on_error),
      grants_({.max_entries = options.max_cached_keys, .max_bytes = options.max_cache_bytes}),
      foreign_(std::min(grants_.limits().max_entries, kMaxForeignHints)),
      fence_(view_, grants_, negatives_),
      usage_(grants_),
      connection_(std::move(connection), random),
      loop_(clock),
      authority_(connection_, loop_, clock, random),
      opener_(connection_, loop_),
      driver_({.session_id = session,
               .project_ids = options.project_ids,
               .stale_on_error = options.stale_on_error,
               .client = NameOf(options)},
              {.opener = opener_,
               .scheduler = loop_,
               .clock = clock,
               .random = random,
               .view = view_,
               .fence = fence_,
               .observer = observer_.get(),
               .usage = &usage_}),
      engine_({.check_timeout = options.check_timeout, .project_ids = options.project_ids},
              {.clock = clock,
               .view = view_,
               .grants = grants_,
               .negatives = negatives_,
               .foreign = foreign_,
               .fence = fence_,
               .flights = flights_,
               .authority = authority_,
               .observer = observer_.get()}) {}

ClientState Core::state() const {
  return {.lease_live = view_.LeaseLive(clock_.SinceBoot()),
          .connected = driver_.connected(),
          .cached_keys = grants_.entries(),
          .cache_bytes = grants_.bytes(),
          .last_error = driver_.last_error()};
}

void Core::ReportTheRest() {
  if (loop_.OnLoopThread()) return;  // which would have to be waited for
  // Shared with the task, which comes late when its thread is held up.
  auto left = std::make_shared<absl::Notification>();
  const bool posted = loop_.Post([this, left] { driver_.Leave([left] { left->Notify(); }); });
  if (posted) left->WaitForNotificationWithTimeout(kLeaveTimeout);
}

void Core::Close() {
  {
    absl::MutexLock lock(&mutex_);
    if (!std::exchange(closed_, true)) {
      engine_.Close();
      ReportTheRest();
      loop_.Post([this] { driver_.Stop(); });
      authority_.CancelAll();
      loop_.Stop();
    }
  }
  const bool ended = !loop_.OnLoopThread() && ended_.WaitForNotificationWithTimeout(kCloseTimeout);
  absl::MutexLock lock(&mutex_);
  if (!thread_.joinable()) return;
  // A thread that is held up by somebody's callback keeps this object until it can end.
  ended ? thread_.join() : thread_.detach();
}

}  // namespace claviger::client
