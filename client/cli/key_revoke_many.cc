#include "client/cli/key_revoke_many.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>

#include "client/cli/confirmation.h"
#include "client/cli/propagation_text.h"

namespace claviger::cli {
namespace {

// More would hide the first.
constexpr int kShownFailures = 20;

std::string Keys(int64_t count) { return fmt::format("{} {}", count, count == 1 ? "key" : "keys"); }

grpc::Status Call(Connection& connection, const v1::RevokeKeysRequest& request,
                  v1::RevokeKeysResponse& response) {
  // Not repeated by itself: the answer to the first attempt says how far it reached.
  return connection.Call(Retry::kNever, [&](grpc::ClientContext* call) {
    return connection.keys().RevokeKeys(call, request, &response);
  });
}

void NoteFailures(const v1::RevokeKeysResponse& response, CommandContext& context) {
  if (response.failed_count() == 0) return;
  context.Note(fmt::format("{} not revoked:", Keys(response.failed_count())));
  const int shown = std::min(response.failures_size(), kShownFailures);
  for (int i = 0; i < shown; ++i) {
    const v1::RevokeKeysFailure& failure = response.failures(i);
    context.Note(
        fmt::format("  {}  {} ({})", failure.key_id(), failure.message(), failure.reason()));
  }
  if (response.failed_count() > shown) {
    context.Note(fmt::format("  and {} more", response.failed_count() - shown));
  }
}

// `12 keys revoked, 3 were before; 2 verifiers confirmed in 3 ms`.
std::string Line(const v1::RevokeKeysResponse& response, bool dry_run) {
  std::string line = Keys(response.revoked_count());
  line += dry_run ? " would be revoked" : " revoked";
  if (response.already_revoked_count() > 0) {
    line += fmt::format(", {} {} before", response.already_revoked_count(),
                        response.already_revoked_count() == 1 ? "was" : "were");
  }
  if (response.has_propagation()) line += "; " + DescribePropagation(response.propagation());
  return line + '\n';
}

// Else a project's name that is mistyped would look as if all its keys were revoked.
ExitCode NoneMatched(const v1::RevokeKeysRequest& request, CommandContext& context) {
  std::string why = "claviger: no key matches: nothing was changed";
  if (request.filter().project_ids_size() > 0) {
    why += fmt::format("; is {} a project that the caller may revoke in?",
                       fmt::join(request.filter().project_ids(), " or "));
  }
  context.Note(why);
  return ExitCode::kDenied;
}

ExitCode Report(const v1::RevokeKeysRequest& request, const v1::RevokeKeysResponse& response,
                CommandContext& context) {
  const bool dry_run = request.validate_only();
  if (context.json()) {
    context.PrintJson(response);
  } else if (response.matched_count() > 0) {
    context.Print(Line(response, dry_run));
  }
  if (response.matched_count() == 0) return NoneMatched(request, context);
  NoteFailures(response, context);
  ExitCode code = response.failed_count() > 0 ? ExitCode::kDenied : ExitCode::kOk;
  if (response.has_propagation()) code = Worse(code, ExitCodeFor(response.propagation()));
  return code;
}

}  // namespace

ExitCode RevokeMany(v1::RevokeKeysRequest request, bool yes, CommandContext& context) {
  const absl::StatusOr<Connection*> connection = context.Connect();
  if (!connection.ok()) return context.Fail(connection.status());
  const bool dry_run = request.validate_only();
  v1::RevokeKeysResponse response;
  if (dry_run || !yes) {
    request.set_validate_only(true);
    const grpc::Status counted = Call(**connection, request, response);
    if (!counted.ok()) return context.Fail(counted);
    if (dry_run || response.matched_count() == 0) return Report(request, response, context);
    const absl::StatusOr<bool> confirmed = Confirm(
        context.console(), fmt::format("Revoke {} for good?", Keys(response.revoked_count())));
    if (!confirmed.ok()) return context.Fail(confirmed.status());
    if (!*confirmed) {
      context.Note("nothing was changed");
      return ExitCode::kDenied;
    }
    // What was agreed to, and no key that came since.
    request.set_max_keys(std::max<int64_t>(response.revoked_count() + response.failed_count(), 1));
    request.set_validate_only(false);
  }
  const grpc::Status status = Call(**connection, request, response);
  if (!status.ok()) return context.Fail(status);
  return Report(request, response, context);
}

}  // namespace claviger::cli
