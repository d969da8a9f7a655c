// Collects everything that is wrong with a request's fields, so that one answer names all of it.
#ifndef CLAVIGER_SERVER_RPC_FIELD_ERRORS_H_
#define CLAVIGER_SERVER_RPC_FIELD_ERRORS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/status.h"

namespace claviger {

class FieldErrors {
 public:
  void Add(std::string field, std::string accepted) {
    Check(InvalidField(std::move(field), std::move(accepted)));
  }
  // Notes `status` unless it is OK.
  void Check(const absl::Status& status);
  // The value, or a default one after noting the error.
  template <typename T>
  T Take(absl::StatusOr<T> value) {
    if (value.ok()) return *std::move(value);
    Check(value.status());
    return T();
  }

  bool ok() const { return messages_.empty(); }
  // OK, or INVALID_ARGUMENT with the reason of the first error and all violations.
  absl::Status ToStatus() const;

 private:
  Reason reason_ = Reason::kFieldInvalid;
  std::vector<FieldViolation> violations_;
  std::vector<std::string> messages_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_FIELD_ERRORS_H_
