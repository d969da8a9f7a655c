#include "client/cli/propagation_text.h"

#include <fmt/format.h>

#include "client/cli/time_text.h"

namespace claviger::cli {
namespace {

std::string Verifiers(int count) {
  return fmt::format("{} {}", count, count == 1 ? "verifier" : "verifiers");
}

// `2 verifiers confirmed, ` or nothing.
std::string ConfirmedBefore(const v1::Propagation& propagation) {
  if (propagation.acked_sessions() == 0) return "";
  return Verifiers(propagation.acked_sessions()) + " confirmed, ";
}

std::string DescribePending(const v1::Propagation& propagation) {
  const int pending = propagation.pending_sessions();
  const std::string waiting = pending == 0
                                  ? "waiting verifiers stop"
                                  : fmt::format("{} waiting {}", pending,
                                                pending == 1 ? "verifier stops" : "verifiers stop");
  return fmt::format("{}{} accepting it within {} (PENDING)", ConfirmedBefore(propagation), waiting,
                     FormatElapsed(FromProto(propagation.safe_in())));
}

}  // namespace

std::string DescribePropagation(const v1::Propagation& propagation) {
  const std::string waited = FormatElapsed(FromProto(propagation.waited()));
  switch (propagation.outcome()) {
    case v1::PROPAGATION_OUTCOME_ALL_ACKED:
      if (propagation.acked_sessions() == 0) return "no verifier held it (0 sessions)";
      return fmt::format("{} confirmed in {}", Verifiers(propagation.acked_sessions()), waited);
    case v1::PROPAGATION_OUTCOME_LEASES_EXPIRED:
      if (propagation.expired_sessions() == 0) {
        return fmt::format(
            "{}what verifiers may have held since before the server's restart has ended, in {} "
            "(LEASES_EXPIRED)",
            ConfirmedBefore(propagation), waited);
      }
      return fmt::format("{}{} lost the right to answer from cache, all in {} (LEASES_EXPIRED)",
                         ConfirmedBefore(propagation), Verifiers(propagation.expired_sessions()),
                         waited);
    case v1::PROPAGATION_OUTCOME_PENDING:
      return DescribePending(propagation);
    default:
      break;
  }
  const absl::Duration safe_in = FromProto(propagation.safe_in());
  if (safe_in <= absl::ZeroDuration()) return "durable, nobody was waited for";
  return fmt::format("durable, verifiers stop accepting it within {} (COMMIT)",
                     FormatElapsed(safe_in));
}

ExitCode ExitCodeFor(const v1::Propagation& propagation) {
  return propagation.outcome() == v1::PROPAGATION_OUTCOME_PENDING ? ExitCode::kPending
                                                                  : ExitCode::kOk;
}

}  // namespace claviger::cli
