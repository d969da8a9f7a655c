#include "server/rpc/field_errors.h"

#include "fmt/format.h"

namespace claviger {
namespace {

// Beyond this many an answer only repeats itself.
constexpr size_t kMaxReported = 32;

}  // namespace

void FieldErrors::Check(const absl::Status& status) {
  if (status.ok() || messages_.size() >= kMaxReported) return;
  const ErrorDetails details = DetailsOf(status);
  if (messages_.empty()) reason_ = details.reason;
  violations_.insert(violations_.end(), details.fields.begin(), details.fields.end());
  messages_.emplace_back(status.message());
}

absl::Status FieldErrors::ToStatus() const {
  if (ok()) return absl::OkStatus();
  ErrorBuilder error(absl::StatusCode::kInvalidArgument, reason_);
  for (const FieldViolation& violation : violations_)
    error.Field(violation.field, violation.description);
  return error.Build(fmt::format("{}", fmt::join(messages_, "; ")));
}

}  // namespace claviger
