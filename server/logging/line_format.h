// How the words of a log line are written in each format.
#ifndef CLAVIGER_SERVER_LOGGING_LINE_FORMAT_H_
#define CLAVIGER_SERVER_LOGGING_LINE_FORMAT_H_

#include <string>
#include <string_view>

#include "server/logging/log.h"

namespace claviger::log {

// Appends `text` as a JSON string with its quotes (RFC 8259). Bytes that are not UTF-8 become
// U+FFFD, one for each.
void AppendJsonString(std::string_view text, std::string& out);

// Appends `text` so that it stays on its line and cannot be taken for another field: as it is when
// it is a plain word, else in quotes, with control characters and bytes that are not UTF-8 as
// escapes.
void AppendTextValue(std::string_view text, std::string& out);

// The part of a line behind time and level. Keys in message and values are redacted.
std::string FormatText(std::string_view message, Fields fields);
// The same as members of a JSON object, without its braces.
std::string FormatJson(std::string_view message, Fields fields);

}  // namespace claviger::log

#endif  // CLAVIGER_SERVER_LOGGING_LINE_FORMAT_H_
