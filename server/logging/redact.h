// Takes out of a text what must not be read in a log.
#ifndef CLAVIGER_SERVER_LOGGING_REDACT_H_
#define CLAVIGER_SERVER_LOGGING_REDACT_H_

#include <string>
#include <string_view>

namespace claviger::log {

inline constexpr std::string_view kRedacted = "[redacted]";

// `text` with each key, or beginning of one, replaced by kRedacted: what matches
//   [a-z][a-z0-9]{1,15}_(live|test)_[0-9A-Za-z]{16}[0-9A-Za-z_]*
// Linear in the size of `text`.
std::string RedactKeys(std::string_view text);

// For lines of others: keys, the token behind `Bearer`, everything behind `authorization`, and
// everything behind ` value=`, which is where gRPC prints a header value that it rejected.
std::string RedactForeignLine(std::string_view text);

}  // namespace claviger::log

#endif  // CLAVIGER_SERVER_LOGGING_REDACT_H_
