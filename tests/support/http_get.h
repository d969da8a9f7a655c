// What a server says over HTTP.
#ifndef CLAVIGER_TESTS_SUPPORT_HTTP_GET_H_
#define CLAVIGER_TESTS_SUPPORT_HTTP_GET_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace claviger {

// The whole answer of the server at `address`, `127.0.0.1:port`, headers and all. UNAVAILABLE:
// there is none; DEADLINE_EXCEEDED: it does not come.
absl::StatusOr<std::string> HttpGet(const std::string& address, std::string_view path);

// The sample `name` of the metrics at `address`; the name with its labels, as it stands in their
// text. NOT_FOUND: there is none.
absl::StatusOr<double> GetMetric(const std::string& address, std::string_view name);

}  // namespace claviger

#endif  // CLAVIGER_TESTS_SUPPORT_HTTP_GET_H_
